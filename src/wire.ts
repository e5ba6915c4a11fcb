export { formatIp, formatMac, type IpAddress, type MacAddress, parseIp, parseMac } from "./core/addresses.ts";
