export { LINK_TYPE_ETHERNET } from "./layout/pcap.layout.ts";
