// E-tag (IEEE 802.1BR clause 7.5), behind its EtherType: priority(3) DE(1) ingress E-CID(12) | reserved(2) group(2)
// E-CID(12) | extensions of both(16), and then the EtherType of what follows.

export const E_TAG_INGRESS = 0;
export const E_TAG_CHANNEL = 2;
export const E_TAG_LENGTH = 6;
