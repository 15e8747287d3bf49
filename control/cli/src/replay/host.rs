//! A foreign capture in a VPC: one of its hosts takes the place of a port.
//!
//! Frames *from* that host enter at the port as if the port's interface had sent them, frames *to* it come from the internet. The
//! host's address is exchanged wherever a header names it, quoted headers of ICMP errors included, and every checksum that covers
//! it is updated by difference (RFC 1624): one that was wrong stays exactly as wrong. Nothing else changes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use vpcd_wire::checksum::{delta16, fold, update, update_udp};
use vpcd_wire::{Frame, is_icmp_error, proto};

/// IPv6 extension headers that are walked over.
const MAX_EXT: usize = 8;

/// Where a frame of the foreign capture belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// The host sent it: it enters at the port.
    Port,
    /// It is for the host: it enters at the internet.
    Internet,
    /// Neither.
    NotMine,
}

/// The address to exchange, and for what.
#[derive(Clone, Copy, Debug)]
pub struct Exchange {
    host: IpAddr,
    /// In frames that the host sent.
    inside: IpAddr,
    /// In frames to the host. None: the port cannot be addressed from the internet, and the frame keeps the address that nobody has.
    outside: Option<IpAddr>,
}

impl Exchange {
    /// `host` is known as `inside` where it sends and as `outside` on the internet; all of one family.
    pub fn new(host: IpAddr, inside: IpAddr, outside: Option<IpAddr>) -> Exchange {
        Exchange { host, inside, outside }
    }

    /// Says where a frame belongs and puts the port's address in. The headers need not be whole or right: what can be read decides, and
    /// judging the rest is the business of the VPC. An 802.1Q tag is looked through, so that the frame gets there and is named for it.
    pub fn apply(&self, frame: &mut Frame) -> Side {
        let bytes = frame.bytes_mut();
        let Some((ethertype, l3)) = network_layer(bytes) else { return Side::NotMine };
        let addresses = match (ethertype, self.host) {
            (0x0800, IpAddr::V4(_)) => [l3 + 12, l3 + 16],
            (0x86dd, IpAddr::V6(_)) => [l3 + 8, l3 + 24],
            // Ethernet and IPv4 addresses (RFC 826).
            (0x0806, IpAddr::V4(_)) if bytes.get(l3..l3 + 6) == Some(&[0, 1, 8, 0, 6, 4]) => [l3 + 14, l3 + 24],
            _ => return Side::NotMine,
        };
        let host = Address::from(self.host);
        let is = |at: usize| bytes.get(at..at + host.len) == Some(host.bytes());
        let (side, new) = match (is(addresses[0]), is(addresses[1])) {
            // A frame whose addresses cannot both be read is nobody's.
            _ if bytes.len() < addresses[1] + host.len => return Side::NotMine,
            (true, _) => (Side::Port, Some(self.inside)),
            (false, true) => (Side::Internet, self.outside),
            (false, false) => return Side::NotMine,
        };
        if let Some(new) = new.filter(|n| *n != self.host) {
            let swap = Swap { old: host, new: new.into() };
            match ethertype {
                0x0806 => addresses.into_iter().for_each(|at| {
                    swap.field(bytes, at);
                }),
                0x0800 => {
                    swap.packet4(bytes, l3, bytes.len(), true);
                }
                _ => {
                    swap.packet6(bytes, l3, bytes.len(), true);
                }
            }
        }
        side
    }
}

/// Ethertype and start of what is behind the Ethernet header and up to two tags.
fn network_layer(bytes: &[u8]) -> Option<(u16, usize)> {
    let mut at = 12;
    for _ in 0..3 {
        match get16(bytes, at)? {
            0x8100 | 0x88a8 => at += 4,
            ethertype => return Some((ethertype, at + 2)),
        }
    }
    None
}

/// An address as it lies in a header.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Address {
    octets: [u8; 16],
    len: usize,
}

impl Address {
    fn bytes(&self) -> &[u8] {
        &self.octets[..self.len]
    }

    fn words(&self) -> impl Iterator<Item = u16> + '_ {
        self.bytes().chunks_exact(2).map(|w| u16::from_be_bytes([w[0], w[1]]))
    }
}

impl From<IpAddr> for Address {
    fn from(address: IpAddr) -> Address {
        let mut octets = [0; 16];
        let len = match address {
            IpAddr::V4(a) => {
                octets[..4].copy_from_slice(&Ipv4Addr::octets(&a));
                4
            }
            IpAddr::V6(a) => {
                octets = Ipv6Addr::octets(&a);
                16
            }
        };
        Address { octets, len }
    }
}

struct Swap {
    old: Address,
    new: Address,
}

/// All functions answer the unfolded sum by which the words they changed have grown. Every changed word lies at an even distance
/// from the headers around it, so the sums of inner headers count for outer checksums as they are.
impl Swap {
    /// Puts the new address where the old one stands.
    fn field(&self, bytes: &mut [u8], at: usize) -> u32 {
        match bytes.get_mut(at..at + self.old.len) {
            Some(field) if *field == *self.old.bytes() => {
                field.copy_from_slice(self.new.bytes());
                self.old.words().zip(self.new.words()).map(|(old, new)| delta16(old, new)).sum()
            }
            _ => 0,
        }
    }

    fn packet4(&self, bytes: &mut [u8], l3: usize, end: usize, outermost: bool) -> u32 {
        let Some(head) = bytes.get(l3..).and_then(|b| b.first_chunk::<20>()) else { return 0 };
        let header = usize::from(head[0] & 15) * 4;
        let total = usize::from(u16::from_be_bytes([head[2], head[3]]));
        let (later, protocol) = ((head[6] & 0x1f, head[7]) != (0, 0), head[9]);
        let addresses = self.field(bytes, l3 + 12) + self.field(bytes, l3 + 16);
        if addresses == 0 && !outermost {
            return 0;
        }
        let header_sum = covered(bytes, l3 + 10, end, addresses, update);
        let mut change = addresses + header_sum;
        if !later && header >= 20 {
            let end = end.min(l3 + total);
            change += self.upper(bytes, l3 + header, end, protocol, addresses, false, outermost);
        }
        change
    }

    fn packet6(&self, bytes: &mut [u8], l3: usize, end: usize, outermost: bool) -> u32 {
        let Some(head) = bytes.get(l3..).and_then(|b| b.first_chunk::<40>()) else { return 0 };
        let end = end.min(l3 + 40 + usize::from(u16::from_be_bytes([head[4], head[5]])));
        let (mut at, mut protocol) = (l3 + 40, head[6]);
        let addresses = self.field(bytes, l3 + 8) + self.field(bytes, l3 + 24);
        for _ in 0..MAX_EXT {
            let Some(head) = bytes.get(at..end.max(at)).and_then(|b| b.first_chunk::<4>()) else { break };
            let length = match protocol {
                0 | 43 | 60 => (usize::from(head[1]) + 1) * 8,
                // Only the first fragment has the header behind it.
                44 if u16::from_be_bytes([head[2], head[3]]) >> 3 != 0 => return addresses,
                44 => 8,
                51 => (usize::from(head[1]) + 2) * 4,
                _ => break,
            };
            protocol = head[0];
            at += length;
        }
        addresses + self.upper(bytes, at, end, protocol, addresses, true, outermost)
    }

    /// The checksum of the layer above, and what an ICMP error quotes.
    #[expect(clippy::too_many_arguments, reason = "where the upper layer lies and what is known about it, used twice")]
    fn upper(
        &self,
        bytes: &mut [u8],
        at: usize,
        end: usize,
        protocol: u8,
        addresses: u32,
        v6: bool,
        outermost: bool,
    ) -> u32 {
        match protocol {
            proto::TCP => covered(bytes, at + 16, end, addresses, update),
            proto::UDP => covered(bytes, at + 6, end, addresses, update_udp),
            proto::ICMP if !v6 && outermost => {
                let quoted = match bytes.get(at) {
                    // Source quench and redirect quote as well, though they are no errors to the pipeline.
                    Some(&typ) if is_icmp_error(false, typ) || matches!(typ, 4 | 5) => {
                        self.packet4(bytes, at + 8, end, false)
                    }
                    _ => 0,
                };
                quoted + covered(bytes, at + 2, end, quoted, update)
            }
            proto::ICMP6 if v6 => {
                let quoted = match bytes.get(at) {
                    Some(&typ) if outermost && is_icmp_error(true, typ) => self.packet6(bytes, at + 8, end, false),
                    _ => 0,
                };
                quoted + covered(bytes, at + 2, end, addresses + quoted, update)
            }
            _ => 0,
        }
    }
}

/// Updates a checksum over words that grew by `change`, if it lies within `end`; how much it grew itself.
fn covered(bytes: &mut [u8], at: usize, end: usize, change: u32, update: impl Fn(u16, u16) -> u16) -> u32 {
    let Some(field) = bytes.get_mut(..end.min(bytes.len())).and_then(|b| b.get_mut(at..at + 2)) else { return 0 };
    if change == 0 {
        return 0;
    }
    let old = u16::from_be_bytes([field[0], field[1]]);
    let new = update(old, fold(change));
    field.copy_from_slice(&new.to_be_bytes());
    delta16(old, new)
}

fn get16(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk::<2>().map(|b| u16::from_be_bytes(*b))
}
