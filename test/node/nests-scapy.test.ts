// Random nests that scapy put together, against dissect: the layers, VNIs, keys and addresses that scapy put in come out.
// More of them: FRAMEFERRY_NESTS=50000; others: FRAMEFERRY_SEED=7.
import { spawnSync } from "node:child_process";
import { dissect, keysOf, type Layer, vnisOf } from "frameferry/wire";
import { describe, expect, test } from "vitest";
import { fromHex, names } from "../wire/support.ts";

const PYTHON = "/usr/bin/python3";
const SEED = Number(process.env.FRAMEFERRY_SEED ?? 8926);
const FRAMES = Number(process.env.FRAMEFERRY_NESTS ?? 5000);
const scapy = spawnSync(PYTHON, ["-c", "import scapy.all"]).status === 0;

/** Puts wrappings around a packet, inside out, and prints link type, bytes, layers, VNIs, keys and labels of each. */
const MAKER = String.raw`
import json, random, sys
from scapy.all import (Ether, Dot1Q, Dot1AD, IP, IPv6, UDP, Raw, GRE, LLC, SNAP, CookedLinux, CookedLinuxV2, Loopback,
  RadioTap, Dot11, Dot11QoS, AH, IPv6ExtHdrDestOpt, IPv6ExtHdrHopByHop, IPv6ExtHdrRouting, IPv6ExtHdrFragment, PPP, PPPoE, HDLC)
from scapy.layers.vxlan import VXLAN
from scapy.layers.ppp import HDLC, PPP, PPPoE
from scapy.contrib.mpls import MPLS
from scapy.contrib.geneve import GENEVE
from scapy.contrib.erspan import ERSPAN_I, ERSPAN_II, ERSPAN_III
from scapy.contrib.gtp import GTP_U_Header
from scapy.contrib.nsh import NSH
from scapy.contrib.etherip import EtherIP

r = random.Random(int(sys.argv[1]))
bits = r.getrandbits
def mac(): return "02:%02x:%02x:%02x:%02x:%02x" % tuple(bits(8) for _ in range(5))
def v4(): return "10.%d.%d.%d" % (bits(8), bits(8), bits(8))
def v6(): return "fd00::%x:%x" % (bits(16), bits(16))

class Nest:
  def __init__(self):
    self.layers, self.vnis, self.keys, self.labels = ["udp"], [], [], []
    self.packet = UDP(sport=1000, dport=2000) / Raw(bytes(bits(8) for _ in range(r.randint(1, 60))))
  def put(self, header, *names):
    self.packet = header / self.packet
    self.layers = list(names) + self.layers

def ip(n, proto=None):
  """An IP header of either version, with what may stand between it and what it carries."""
  more = {} if proto is None else {"proto": proto}
  if r.random() < 0.6:
    if r.random() < 0.15: n.put(AH(spi=bits(32), seq=bits(32), icv=bytes(12), payloadlen=4, **({} if proto is None else {"nh": proto})), "ah"); more = {}
    options = b"\x01" * (4 * r.randint(0, 3)) if r.random() < 0.1 else b""
    n.put(IP(src=v4(), dst=v4(), id=bits(16), ttl=r.randint(1, 255), tos=bits(8), options=[] if not options else [__import__("scapy.layers.inet", fromlist=["IPOption_NOP"]).IPOption_NOP() for _ in options], **more), "ipv4")
    return "ipv4"
  nh = {} if proto is None else {"nh": proto}
  for make in r.sample([IPv6ExtHdrHopByHop, IPv6ExtHdrDestOpt, IPv6ExtHdrRouting, IPv6ExtHdrFragment], r.choice([0, 0, 0, 1, 2])):
    n.packet = make(**nh) / n.packet
    nh = {}
  n.put(IPv6(src=v6(), dst=v6(), fl=bits(20), **nh), "ipv6")
  return "ipv6"

def frame(n):
  """An Ethernet frame around an IP packet, with tags or without."""
  tags = r.choice([0, 0, 0, 1, 2])
  for i in range(tags):
    n.put((Dot1AD if i == 1 else Dot1Q)(vlan=r.randint(1, 4094), prio=bits(3)), "vlan")
  n.put(Ether(src=mac(), dst=mac()), "ethernet")
  return "ethernet"

def udp(n, port):
  n.put(UDP(sport=r.randint(49152, 65535), dport=port, **({"chksum": 0} if r.random() < 0.5 else {})), "udp")
  return ip(n, 17)

def keyed(n, proto):
  fields = {}
  if r.random() < 0.5:
    fields = {"key_present": 1, "key": bits(32)}
    n.keys.insert(0, fields["key"])
  if r.random() < 0.2: fields.update(seqnum_present=1, sequence_number=bits(32))
  if r.random() < 0.2: fields.update(chksum_present=1)
  return GRE(proto=proto, **fields)

def vxlan(n):
  vni = bits(24); n.vnis.insert(0, vni)
  n.put(VXLAN(vni=vni, flags="Instance"), "vxlan"); return udp(n, r.choice([4789, 8472]))
def geneve(n):
  vni = bits(24); n.vnis.insert(0, vni)
  n.put(GENEVE(vni=vni, proto=0x6558), "geneve"); return udp(n, 6081)
def geneve_ip(n, top):
  vni = bits(24); n.vnis.insert(0, vni)
  n.put(GENEVE(vni=vni, proto=0x800 if top == "ipv4" else 0x86dd), "geneve"); return udp(n, 6081)
def gre(n): n.put(keyed(n, 0x6558), "gre"); return ip(n, 47)
def gre_ip(n, top): n.put(keyed(n, 0x800 if top == "ipv4" else 0x86dd), "gre"); return ip(n, 47)
def gre_udp(n): n.put(keyed(n, 0x6558), "gre"); return udp(n, 4754)
def erspan1(n): n.put(GRE(proto=0x88be) , "gre", "erspan"); return ip(n, 47)
def erspan2(n): n.put(GRE(proto=0x88be, seqnum_present=1, sequence_number=bits(32)) / ERSPAN_II(ver=1, vlan=bits(12), session_id=bits(10)), "gre", "erspan"); return ip(n, 47)
def erspan3(n): n.put(GRE(proto=0x22eb, seqnum_present=1, sequence_number=bits(32)) / ERSPAN_III(ver=2, vlan=bits(12), session_id=bits(10), ft=0, o=0), "gre", "erspan"); return ip(n, 47)
def etherip(n): n.put(EtherIP(), "etherip"); return ip(n, 97)
def ipip(n, top): return ip(n, 4 if top == "ipv4" else 41)
def gtp(n, top): n.put(GTP_U_Header(teid=bits(32), gtp_type=255, S=1, seq=bits(16)) if r.random() < 0.3 else GTP_U_Header(teid=bits(32), gtp_type=255), "gtp-u"); return udp(n, 2152)
def mpls(n, top):
  labels = [r.randint(16, 1048575) for _ in range(r.randint(1, 4))]
  for i, label in enumerate(reversed(labels)):
    n.put(MPLS(label=label, s=1 if i == 0 else 0, ttl=64), "mpls"); n.labels.insert(0, label)
  if r.random() < 0.3: return udp(n, 6635)
  n.put(Ether(src=mac(), dst=mac(), type=0x8847), "ethernet")
  return "ethernet"
def pseudowire(n):
  n.put(Raw(bytes([0, 0, bits(8), bits(8)])), "control-word")
  n.put(MPLS(label=r.randint(16, 1048575), s=1, ttl=64), "mpls")
  n.labels.insert(0, n.packet.label)
  n.put(Ether(src=mac(), dst=mac(), type=0x8847), "ethernet")
  return "ethernet"
def pppoe(n, top):
  n.put(PPPoE(sessionid=bits(16), code=0) / PPP(proto=0x21 if top == "ipv4" else 0x57), "pppoe", "ppp")
  n.put(Ether(src=mac(), dst=mac(), type=0x8864), "ethernet")
  return "ethernet"
def nsh(n):
  n.put(NSH(mdtype=2, length=2, nextproto=3, spi=bits(24), si=255), "nsh")
  n.put(Ether(src=mac(), dst=mac(), type=0x894f), "ethernet")
  return "ethernet"

FRAMES = [vxlan, geneve, gre, gre_udp, erspan1, erspan2, erspan3, etherip, pseudowire, nsh]
PACKETS = [geneve_ip, gre_ip, ipip, gtp, mpls, pppoe]

def nest():
  n = Nest()
  top = ip(n, 17)
  for _ in range(r.randint(0, 6)):
    if top != "ethernet" and r.random() < 0.5:
      top = r.choice(PACKETS)(n, top)
      continue
    if top != "ethernet": top = frame(n)
    top = r.choice(FRAMES)(n)
  link = r.choice([1, 1, 1, 1, 101, 113, 276, 0, 105, 127, 9, 50])
  if top == "ethernet" or link == 1:
    if top != "ethernet": frame(n)
    return n, 1
  ethertype = 0x800 if top == "ipv4" else 0x86dd
  if link == 113: n.put(CookedLinux(proto=ethertype), "sll")
  if link == 276: n.put(CookedLinuxV2(proto=ethertype), "sll2")
  if link == 0: n.put(Loopback(type=2 if top == "ipv4" else 30), "null")
  if link == 9: n.put(PPP(proto=0x21 if top == "ipv4" else 0x57), "ppp")
  if link == 50: n.put(HDLC() / PPP(proto=0x21 if top == "ipv4" else 0x57), "ppp")
  if link in (105, 127):
    header = Dot11(type=2, subtype=8, FCfield="to-DS", addr1=mac(), addr2=mac(), addr3=mac()) / Dot11QoS() if r.random() < 0.5 else Dot11(type=2, subtype=0, FCfield="from-DS", addr1=mac(), addr2=mac(), addr3=mac())
    n.put(header / LLC() / SNAP(OUI=0, code=ethertype), "802.11", "llc")
    if link == 127: n.put(RadioTap(), "radiotap")
  return n, link

for _ in range(int(sys.argv[2])):
  n, link = nest()
  print(json.dumps({"link": link, "hex": bytes(n.packet).hex(), "layers": n.layers, "vnis": n.vnis, "keys": n.keys, "labels": n.labels}))
`;

interface Nest {
  readonly link: number;
  readonly hex: string;
  readonly layers: readonly string[];
  readonly vnis: readonly number[];
  readonly keys: readonly number[];
  readonly labels: readonly number[];
}

function labelsOf(layers: readonly Layer[]): number[] {
  return layers.flatMap((layer) => (layer.name === "mpls" ? [layer.header.label] : []));
}

describe.skipIf(!scapy)(`${FRAMES} nests of scapy's, seed ${SEED}`, () => {
  test("are read as they were put together, and cropped anywhere as far as they go", () => {
    const { stdout, stderr, status } = spawnSync(PYTHON, ["-c", MAKER, String(SEED), String(FRAMES)], {
      encoding: "utf8",
      maxBuffer: 1 << 28,
    });
    expect(status, stderr).toBe(0);
    const nests = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as Nest);
    expect(nests).toHaveLength(FRAMES);
    const reached = new Set<string>();
    nests.forEach((nest, index) => {
      const at = `nest ${index} of seed ${SEED}: link type ${nest.link}, ${nest.hex}`;
      const frame = fromHex(nest.hex);
      const { layers, stop, oddities } = dissect(frame, { linkType: nest.link, checksums: true });
      expect(stop, at).toBeUndefined();
      expect(oddities, at).toBeUndefined();
      expect(names(layers), at).toEqual([...nest.layers, "payload"]);
      expect(vnisOf(layers), at).toEqual(nest.vnis);
      expect(keysOf(layers), at).toEqual(nest.keys);
      expect(labelsOf(layers), at).toEqual(nest.labels);
      for (const { name, checksum = "good" } of layers) {
        reached.add(name);
        expect(["good", "absent"], `${at} ${name}`).toContain(checksum);
      }
      // Cropped, with the length on the wire told: all layers that are whole.
      const length = (index * 7919) % frame.length;
      const cropped = dissect(frame.subarray(0, length), { linkType: nest.link, wireLength: frame.length });
      expect(cropped.stop, at).toBeDefined();
      const whole = layers.filter((layer) =>
        layer.name === "payload" ? layer.offset < length : layer.offset + layer.length <= length,
      );
      const ours = names(cropped.layers);
      expect(names(whole).slice(0, ours.length), `${at} of ${length} bytes`).toEqual(ours);
    });
    // All that is put together above, and the payload.
    if (FRAMES >= 1000) expect(reached.size).toBe(24);
  }, 600_000);
});
