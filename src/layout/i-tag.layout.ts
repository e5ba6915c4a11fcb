// I-tag (IEEE 802.1ah, 802.1Q clause 9.7), behind its EtherType: priority(3) DE(1) UCA(1) reserved(3) I-SID(24), and then
// the customer's frame.

export const I_TAG_SERVICE = 0;
export const I_TAG_SERVICE_MASK = 0xffffff;
export const I_TAG_LENGTH = 4;
