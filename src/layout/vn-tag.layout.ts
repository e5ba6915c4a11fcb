// VN-tag, behind its EtherType: direction(1) P(1) destination(14) | looped(1) reserved(1) version(2) source(12), and then
// the EtherType of what follows.

export const VN_TAG_DESTINATION = 0;
export const VN_TAG_SOURCE = 2;
export const VN_TAG_LENGTH = 4;
