//! The packets of the pipeline measurement: UDP flows from the instances to random hosts of 20.0.0.0/7, one frame each, kept ready-made in
//! huge pages, so that the generator has nothing to do but copy.

use crate::cases::{PER_SUBNET, PORTS, REMOTES, SUBNETS, instance, instance_mac};
use crate::random::Random;
use std::collections::HashSet;
use vpcd_dataplane::topology::PortNo;
use vpcd_raw::huge_pages;
use vpcd_wire::{FABRIC_MAC, Frame, checksum};

const ETH: usize = 14;
const IP: usize = 20;
const UDP: usize = 8;
/// The frame check sequence, which counts in the size of a frame but never reaches memory.
const FCS: usize = 4;

/// One flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Flow {
    /// Number of the sending ENI.
    pub eni: u32,
    pub dst: u32,
    pub sport: u16,
    pub dport: u16,
}

impl Flow {
    /// Any.
    pub fn random(random: &mut Random) -> Flow {
        Flow {
            eni: random.below((SUBNETS * PER_SUBNET) as usize) as u32,
            dst: REMOTES + random.below(1 << 25) as u32,
            sport: 1024 + random.below(64_512) as u16,
            dport: PORTS[random.below(PORTS.len())],
        }
    }

    /// `count` distinct ones.
    pub fn distinct(count: usize, random: &mut Random) -> Vec<Flow> {
        let mut seen = HashSet::with_capacity(count);
        let mut flows = Vec::with_capacity(count);
        while flows.len() < count {
            let flow = Flow::random(random);
            if seen.insert(flow) {
                flows.push(flow);
            }
        }
        flows
    }

    /// The port its frames come in by.
    pub fn port(&self) -> PortNo {
        self.eni + 1
    }

    /// Writes its frame over `out`, whose length decides the payload.
    pub fn write(&self, out: &mut [u8]) {
        let total = out.len() - ETH;
        let (eth, ip) = out.split_at_mut(ETH);
        eth[..6].copy_from_slice(&FABRIC_MAC.0);
        eth[6..12].copy_from_slice(&instance_mac(self.eni).0);
        eth[12..].copy_from_slice(&[8, 0]);
        let src = u32::from(instance(self.eni));
        let (ip, udp) = ip.split_at_mut(IP);
        ip.copy_from_slice(&[0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        ip[2..4].copy_from_slice(&(total as u16).to_be_bytes());
        ip[4..6].copy_from_slice(&self.sport.to_be_bytes());
        ip[12..16].copy_from_slice(&src.to_be_bytes());
        ip[16..20].copy_from_slice(&self.dst.to_be_bytes());
        let sum = checksum::checksum(ip);
        ip[10..12].copy_from_slice(&sum.to_be_bytes());
        let len = udp.len() as u16;
        udp[..2].copy_from_slice(&self.sport.to_be_bytes());
        udp[2..4].copy_from_slice(&self.dport.to_be_bytes());
        udp[4..6].copy_from_slice(&len.to_be_bytes());
        udp[6..8].fill(0);
        for (i, byte) in udp[UDP..].iter_mut().enumerate() {
            *byte = i as u8;
        }
        let sum = checksum::pseudo4(src, self.dst, 17, len.into()) + checksum::sum(udp);
        let sum = match !checksum::fold(sum) {
            0 => 0xffff,
            sum => sum,
        };
        udp[6..8].copy_from_slice(&sum.to_be_bytes());
    }
}

/// Frames in the order they will be sent, over and over.
pub struct Store {
    /// Per frame its bytes, padded, and its port in the last four: whole cache lines.
    bytes: Vec<u8>,
    stride: usize,
    /// Bytes of a frame.
    size: usize,
    count: usize,
    next: usize,
}

impl Store {
    /// The frames of `flows`, in that order; `size` as on the wire, 64 and more.
    pub fn new(flows: impl ExactSizeIterator<Item = Flow>, size: usize) -> Store {
        let len = size.max(64) - FCS;
        let stride = (len + size_of::<PortNo>()).next_multiple_of(64);
        let count = flows.len();
        let mut bytes = Vec::with_capacity(count * stride);
        huge_pages(bytes.spare_capacity_mut());
        bytes.resize(count * stride, 0);
        for (flow, at) in flows.zip(bytes.chunks_exact_mut(stride)) {
            flow.write(&mut at[..len]);
            at[stride - 4..].copy_from_slice(&flow.port().to_ne_bytes());
        }
        Store { bytes, stride, size: len, count, next: 0 }
    }

    /// Copies the next frame of the round into `frame`.
    #[inline]
    pub fn generate(&mut self, frame: &mut Frame, ts: u64) {
        let from = self.next * self.stride;
        self.next = if self.next + 1 == self.count { 0 } else { self.next + 1 };
        let record = &self.bytes[from..from + self.stride];
        frame.copy_from(&record[..self.size]);
        if let Some(port) = record.last_chunk() {
            frame.port = PortNo::from_ne_bytes(*port);
        }
        frame.ts = ts;
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vpcd_wire::{Parsed, parse_frame};

    #[test]
    fn frames_are_valid_and_come_round_in_order() {
        let flows = Flow::distinct(3, &mut Random::new(1));
        let mut store = Store::new(flows.iter().copied(), 64);
        let mut frame = Frame::with_capacity(64);
        for flow in flows.iter().chain(&flows) {
            store.generate(&mut frame, 5);
            assert_eq!((frame.len(), frame.port, frame.ts), (60, flow.port(), 5));
            let Ok(Parsed::Ip(packet)) = parse_frame(&frame, 1500) else { panic!("a valid packet") };
            assert_eq!((packet.dst4, packet.sport, packet.dport), (flow.dst, flow.sport, flow.dport));
            let udp = &frame.bytes()[34..];
            let sum = checksum::pseudo4(packet.src4, packet.dst4, 17, udp.len() as u32) + checksum::sum(udp);
            assert_eq!(checksum::fold(sum), 0xffff);
        }
    }
}
