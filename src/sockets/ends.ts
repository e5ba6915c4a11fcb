// An end of a socket that is an address and a port: as it is asked for, checked, and said.

import { station } from "../core/address-fields.ts";
import { formatIp, type IpAddress, parseIp, parseStation } from "../core/addresses.ts";
import { type Fields, type Kind, whole } from "../core/fields.ts";

/** One end, as it is asked for. */
export interface AddressEnd {
  /** IPv4 or IPv6, without a zone. */
  readonly address: IpAddress;
  readonly port: number;
}

/** One end, as it is. */
export interface AddressEndpoint {
  readonly address: string;
  readonly port: number;
}

/** An address that a socket can have here, or the one that stands for all of them. */
function ownAddress(): Kind<IpAddress> {
  const check = (path: string, value: unknown): IpAddress => {
    const address = value as IpAddress;
    if (parseIp(path, address).some((byte) => byte !== 0)) parseStation(path, address);
    return address;
  };
  return { expected: "an IPv4 or IPv6 address", check };
}

export type EndFields = Fields<AddressEnd, "address" | "port">;

/** Of an end here: port 0 is a free one. */
export const localEndFields: EndFields = {
  address: { ...ownAddress(), required: true },
  port: { ...whole(0, 65535), required: true },
};

/** One end at which is listened: of the loopback, if nothing else is said. */
export interface ListenEnd {
  /** IPv4 or IPv6, without a zone. Default 127.0.0.1. */
  readonly address?: IpAddress | undefined;
  /** 0 is a free one. */
  readonly port: number;
}

export const listenEndFields: Fields<ListenEnd, "address" | "port"> = {
  address: { ...ownAddress(), fallback: "127.0.0.1" },
  port: { ...whole(0, 65535), required: true },
};

export const remoteEndFields: EndFields = {
  address: { ...station(), required: true },
  port: { ...whole(1, 65535), required: true },
};

/** With the address as text. */
export function endpointOf({ address, port }: AddressEnd): AddressEndpoint {
  return { address: formatIp(parseIp("address", address)), port };
}

/** Which IP an address is of, as text. */
export function familyOf(address: string): 4 | 6 {
  return address.includes(":") ? 6 : 4;
}

/** `127.0.0.1:5000`, `[::1]:5000`. */
export function endText({ address, port }: AddressEndpoint): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}
