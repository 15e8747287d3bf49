//! Running the binary, making captures, and reading what it wrote.

use etherparse::{Ethernet2Header, PacketBuilder, PacketBuilderStep, SlicedPacket};
use serde_json::Value;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::process::Command;
use vpcd_io::capture::{PcapngWriter, Reader, Record, SectionInfo};

pub(crate) const NAT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/examples/nat.yaml");
pub(crate) const VPN: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/examples/vpn.yaml");
/// A time with no round digits, in nanoseconds.
pub(crate) const T0: u64 = 1_700_000_000_000_000_007;
pub(crate) const SYN: u8 = 2;
pub(crate) const ACK: u8 = 16;

/// What a run of the binary left.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) status: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    #[track_caller]
    pub(crate) fn ok(self) -> Ran {
        assert_eq!(self.status, 0, "{self:?}");
        self
    }
    #[track_caller]
    pub(crate) fn failed(self, status: i32) -> Ran {
        assert_eq!(self.status, status, "{self:?}");
        assert!(!self.stderr.contains("panicked"), "{self:?}");
        self
    }
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|e| panic!("{e}: {self:?}"))
    }
}

/// Runs `vpcd` with arguments.
pub(crate) fn vpcd<S: AsRef<str>>(args: &[S]) -> Ran {
    let out = Command::new(env!("CARGO_BIN_EXE_vpcd")).args(args.iter().map(AsRef::as_ref)).output().unwrap();
    Ran {
        status: out.status.code().unwrap_or(-1),
        stdout: String::from_utf8(out.stdout).unwrap(),
        stderr: String::from_utf8(out.stderr).unwrap(),
    }
}

/// A directory of its own, removed at the end.
pub(crate) struct Dir(PathBuf);

impl Dir {
    pub(crate) fn new(name: &str) -> Dir {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).unwrap();
        Dir(path)
    }
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
    pub(crate) fn text(&self, name: &str) -> String {
        self.path(name).display().to_string()
    }
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> String {
        std::fs::write(self.path(name), bytes).unwrap();
        self.text(name)
    }
    /// A pcapng capture of frames with their times.
    pub(crate) fn pcapng(&self, name: &str, frames: &[(u64, Vec<u8>)]) -> String {
        self.pcapng_saying(name, frames, &[])
    }
    pub(crate) fn pcapng_saying(&self, name: &str, frames: &[(u64, Vec<u8>)], comments: &[&str]) -> String {
        let info = SectionInfo::new(comments.iter().map(|c| (*c).to_owned()).collect());
        let mut writer = PcapngWriter::create(self.path(name), &info).unwrap();
        for (ts, frame) in frames {
            writer.write(*ts, frame, 0, None).unwrap();
        }
        writer.flush().unwrap();
        self.text(name)
    }
    /// A classic pcap capture: nanoseconds, this machine's byte order or the other, any link type.
    pub(crate) fn pcap(&self, name: &str, big: bool, link: u32, frames: &[(u64, Vec<u8>)]) -> String {
        let word = |v: u32| if big { v.to_be_bytes() } else { v.to_le_bytes() };
        let half = |v: u16| if big { v.to_be_bytes() } else { v.to_le_bytes() };
        let mut out = [word(0xa1b2_3c4d).to_vec(), half(2).into(), half(4).into()].concat();
        out.extend([0, 0, 262_144, link].map(word).concat());
        for (ts, frame) in frames {
            let (s, ns, len) = ((ts / 1_000_000_000) as u32, (ts % 1_000_000_000) as u32, frame.len() as u32);
            out.extend([s, ns, len, len].map(word).concat());
            out.extend(frame);
        }
        self.write(name, out)
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A finished replay.
pub(crate) struct Replay {
    pub(crate) ran: Ran,
    pub(crate) verdicts: Vec<Value>,
    /// Name and bytes of every file that was written.
    pub(crate) files: BTreeMap<String, Vec<u8>>,
    out: PathBuf,
}

impl Replay {
    /// The frames that a port received.
    #[track_caller]
    pub(crate) fn received(&self, port: &str) -> Vec<Record> {
        let path = self.out.join(format!("{port}.pcapng"));
        if !path.exists() {
            return Vec::new();
        }
        Reader::open(path).unwrap().collect::<Result<_, _>>().unwrap()
    }
    /// Verdict, stage, place, reason and ports of every frame, as one line each.
    pub(crate) fn lines(&self) -> Vec<String> {
        let text = |v: &Value| v.as_str().unwrap_or("-").to_owned();
        let line = |v: &Value| {
            let out: Vec<String> = v["out"].as_array().unwrap().iter().map(text).collect();
            format!(
                "{} {} {} {} {} [{}]",
                text(&v["port"]),
                text(&v["verdict"]),
                text(&v["stage"]),
                text(&v["at"]),
                text(&v["reason"]),
                out.join(",")
            )
        };
        self.verdicts.iter().map(line).collect()
    }
}

/// Replays through a template; `args` are the `--in` and others.
#[track_caller]
pub(crate) fn replay(dir: &Dir, template: &str, args: &[&str]) -> Replay {
    let out = dir.path("out");
    let _ = std::fs::remove_dir_all(&out);
    let all: Vec<&str> = ["replay", template, "--out", out.to_str().unwrap()].iter().chain(args).copied().collect();
    let ran = vpcd(&all).ok();
    let files: BTreeMap<String, Vec<u8>> = std::fs::read_dir(&out)
        .unwrap()
        .map(|e| e.unwrap())
        .map(|e| (e.file_name().into_string().unwrap(), std::fs::read(e.path()).unwrap()))
        .collect();
    let verdicts = String::from_utf8(files["verdicts.jsonl"].clone())
        .unwrap()
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    Replay { ran, verdicts, files, out }
}

/// One end of a packet.
pub(crate) type End<'a> = (&'a str, u16);

fn builder(src: &str, dst: &str) -> PacketBuilderStep<etherparse::IpHeaders> {
    let ethernet = PacketBuilder::ethernet2([2, 0, 0, 0, 0, 9], [2, 0x76, 0x70, 0x63, 0x64, 1]);
    match (src.parse().unwrap(), dst.parse().unwrap()) {
        (IpAddr::V4(s), IpAddr::V4(d)) => ethernet.ipv4(s.octets(), d.octets(), 64),
        (IpAddr::V6(s), IpAddr::V6(d)) => ethernet.ipv6(s.octets(), d.octets(), 64),
        _ => panic!("{src} and {dst}"),
    }
}

/// A TCP segment as an Ethernet frame.
pub(crate) fn tcp(src: End<'_>, dst: End<'_>, flags: u8, payload: &[u8]) -> Vec<u8> {
    let mut step = builder(src.0, dst.0).tcp(src.1, dst.1, 1, 65_535);
    step = if flags & SYN != 0 { step.syn() } else { step };
    step = if flags & ACK != 0 { step.ack(1) } else { step };
    let mut out = Vec::new();
    step.write(&mut out, payload).unwrap();
    out
}

pub(crate) fn udp(src: End<'_>, dst: End<'_>, payload: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    builder(src.0, dst.0).udp(src.1, dst.1).write(&mut out, payload).unwrap();
    out
}

pub(crate) fn ping(src: &str, dst: &str, id: u16, request: bool) -> Vec<u8> {
    let mut out = Vec::new();
    let b = builder(src, dst);
    match (src.contains(':'), request) {
        (false, true) => b.icmpv4_echo_request(id, 1).write(&mut out, b"ping").unwrap(),
        (false, false) => b.icmpv4_echo_reply(id, 1).write(&mut out, b"ping").unwrap(),
        (true, true) => b.icmpv6_echo_request(id, 1).write(&mut out, b"ping").unwrap(),
        (true, false) => b.icmpv6_echo_reply(id, 1).write(&mut out, b"ping").unwrap(),
    }
    out
}

/// An ICMP "port unreachable" that quotes all of `frame`, an IPv4 packet.
pub(crate) fn unreachable(src: &str, dst: &str, frame: &[u8]) -> Vec<u8> {
    let quote = &frame[14..];
    let mut out = Vec::new();
    builder(src, dst)
        .icmpv4(etherparse::Icmpv4Type::DestinationUnreachable(etherparse::icmpv4::DestUnreachableHeader::Port))
        .write(&mut out, quote)
        .unwrap();
    out
}

/// Asks who has `target`.
pub(crate) fn arp(sender: Ipv4Addr, target: Ipv4Addr) -> Vec<u8> {
    let mut out = Ethernet2Header {
        destination: [0xff; 6],
        source: [2, 0, 0, 0, 0, 9],
        ether_type: etherparse::EtherType(0x0806),
    }
    .to_bytes()
    .to_vec();
    out.extend([0, 1, 8, 0, 6, 4, 0, 1, 2, 0, 0, 0, 0, 9]);
    out.extend(sender.octets());
    out.extend([0; 6]);
    out.extend(target.octets());
    out
}

/// A fragment of a UDP datagram between two IPv4 addresses; at offset 0 it begins with the UDP header.
pub(crate) fn fragment(src: End<'_>, dst: End<'_>, id: u16, offset: u16, more: bool, length: usize) -> Vec<u8> {
    let mut payload = vec![0x5a; length];
    if offset == 0 {
        payload[..8].copy_from_slice(&[src.1.to_be_bytes(), dst.1.to_be_bytes(), 64u16.to_be_bytes(), [0, 0]].concat());
    }
    let addresses = [src.0, dst.0].map(|a| a.parse::<Ipv4Addr>().unwrap().octets());
    let mut ip =
        etherparse::Ipv4Header::new(length as u16, 64, etherparse::IpNumber::UDP, addresses[0], addresses[1]).unwrap();
    ip.identification = id;
    ip.dont_fragment = false;
    ip.more_fragments = more;
    ip.fragment_offset = (offset / 8).try_into().unwrap();
    ip.header_checksum = ip.calc_header_checksum();
    let mut out = Ethernet2Header { destination: [2; 6], source: [4; 6], ether_type: etherparse::EtherType(0x0800) }
        .to_bytes()
        .to_vec();
    out.extend(ip.to_bytes());
    out.extend(payload);
    out
}

/// Source and destination of a packet with their ports, as `src:port > dst:port`.
#[track_caller]
pub(crate) fn ends(frame: &[u8]) -> String {
    let (src, dst) = tuple(frame);
    format!("{src} > {dst}")
}

/// Source and destination of a packet, with ports where it has some.
#[track_caller]
pub(crate) fn tuple(frame: &[u8]) -> (String, String) {
    let packet = SlicedPacket::from_ethernet(frame).unwrap();
    let (src, dst): (IpAddr, IpAddr) = match packet.net.unwrap() {
        etherparse::NetSlice::Ipv4(ip) => (ip.header().source_addr().into(), ip.header().destination_addr().into()),
        etherparse::NetSlice::Ipv6(ip) => (ip.header().source_addr().into(), ip.header().destination_addr().into()),
        other => panic!("{other:?}"),
    };
    let ports = match packet.transport {
        Some(etherparse::TransportSlice::Tcp(t)) => Some((t.source_port(), t.destination_port())),
        Some(etherparse::TransportSlice::Udp(u)) => Some((u.source_port(), u.destination_port())),
        _ => None,
    };
    match ports {
        Some((s, d)) => (std::net::SocketAddr::new(src, s).to_string(), std::net::SocketAddr::new(dst, d).to_string()),
        None => (src.to_string(), dst.to_string()),
    }
}

/// Whether both checksums of an IPv4 packet are right.
#[track_caller]
pub(crate) fn checksums_right(frame: &[u8]) -> bool {
    let word_sum = |bytes: &[u8]| {
        bytes.chunks(2).map(|w| u32::from(w[0]) << 8 | u32::from(w.get(1).copied().unwrap_or(0))).sum::<u32>()
    };
    let whole = |sum: u32| {
        let sum = (sum & 0xffff) + (sum >> 16);
        (sum & 0xffff) + (sum >> 16) == 0xffff
    };
    let ip = &frame[14..];
    let header = usize::from(ip[0] & 15) * 4;
    let total = usize::from(u16::from_be_bytes([ip[2], ip[3]])).min(ip.len());
    let l4 = &ip[header..total];
    let pseudo = if ip[9] == 1 { 0 } else { word_sum(&ip[12..20]) + u32::from(ip[9]) + l4.len() as u32 };
    whole(word_sum(&ip[..header])) && whole(word_sum(l4) + pseudo)
}
