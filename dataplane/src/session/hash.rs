//! The keyed, symmetric hash of a tuple: both directions of a flow hash alike, and nobody outside can aim at one shard or bucket.

use crate::topology::PortNo;
use std::net::IpAddr;
use vpcd_wire::FiveTuple;

/// Secret keys of one process (or of one replay).
#[derive(Clone, Copy, Debug)]
pub struct FlowHash {
    k: [u64; 4],
}

#[inline]
fn fold(a: u64, b: u64) -> u64 {
    let r = u128::from(a) * u128::from(b);
    (r as u64) ^ (r >> 64) as u64
}

impl FlowHash {
    /// Keys drawn from a seed.
    pub fn new(seed: u64) -> FlowHash {
        let mut x = seed ^ 0x9e37_79b9_7f4a_7c15;
        let mut next = || {
            x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut z = x;
            z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            (z ^ (z >> 31)) | 1
        };
        FlowHash { k: [next(), next(), next(), next()] }
    }

    /// IPv4: addresses in host order. For ICMP pass the identifier as both ports.
    #[inline]
    pub fn v4(&self, src: u32, dst: u32, sport: u16, dport: u16, proto: u8) -> u64 {
        let a = u64::from(src) << 16 | u64::from(sport);
        let b = u64::from(dst) << 16 | u64::from(dport);
        self.ends(a, b, proto)
    }

    /// IPv6, likewise.
    #[inline]
    pub fn v6(&self, src: u128, dst: u128, sport: u16, dport: u16, proto: u8) -> u64 {
        let a = fold(src as u64 ^ self.k[2], (src >> 64) as u64 ^ self.k[3]) ^ u64::from(sport);
        let b = fold(dst as u64 ^ self.k[2], (dst >> 64) as u64 ^ self.k[3]) ^ u64::from(dport);
        self.ends(a, b, proto)
    }

    #[inline]
    fn ends(&self, a: u64, b: u64, proto: u8) -> u64 {
        let (lo, hi) = (a.min(b), a.max(b));
        let h = fold(lo ^ self.k[0], hi ^ self.k[1]);
        fold(h ^ u64::from(proto), self.k[2])
    }

    /// Any tuple.
    pub fn tuple(&self, t: &FiveTuple) -> u64 {
        let (sport, dport) = steering_ports(t.proto, t.sport, t.dport);
        match (t.src, t.dst) {
            (IpAddr::V4(s), IpAddr::V4(d)) => self.v4(s.into(), d.into(), sport, dport, t.proto),
            (IpAddr::V6(s), IpAddr::V6(d)) => self.v6(s.into(), d.into(), sport, dport, t.proto),
            _ => 0,
        }
    }

    /// The same tuple seen at different ports must not crowd one bucket.
    #[inline]
    pub fn at(&self, tuple_hash: u64, ingress: PortNo) -> u64 {
        fold(tuple_hash ^ self.k[3], u64::from(ingress) ^ self.k[1])
    }

    /// For keys that are no tuples: fragments.
    pub fn words(&self, words: &[u64]) -> u64 {
        words.iter().fold(self.k[3], |h, w| fold(h ^ w, self.k[0]))
    }
}

/// The two ends of ICMP differ by type, not by port: only the identifier may take part in a symmetric hash.
#[inline]
pub fn steering_ports(proto: u8, sport: u16, dport: u16) -> (u16, u16) {
    if proto == 1 || proto == 58 { (sport, sport) } else { (sport, dport) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_directions_of_a_flow_hash_alike() {
        let h = FlowHash::new(7);
        let t = FiveTuple { src: [10, 0, 0, 1].into(), dst: [10, 0, 0, 2].into(), sport: 7, dport: 0x800, proto: 1 };
        assert_eq!(h.tuple(&t), h.tuple(&t.reverse()));
        let t = FiveTuple { src: [10, 0, 0, 1].into(), dst: [1, 2, 3, 4].into(), sport: 4000, dport: 443, proto: 6 };
        assert_eq!(h.tuple(&t), h.tuple(&t.reverse()));
        assert_ne!(h.tuple(&t), FlowHash::new(8).tuple(&t));
        let a: IpAddr = "2001:db8::1".parse().unwrap();
        let b: IpAddr = "2001:db8::2".parse().unwrap();
        let t = FiveTuple { src: a, dst: b, sport: 4000, dport: 443, proto: 6 };
        assert_eq!(h.tuple(&t), h.tuple(&t.reverse()));
        assert_ne!(h.at(h.tuple(&t), 1), h.at(h.tuple(&t), 2));
    }

    /// Each bit of what is hashed, and of the seed, moves about half the bits of the hash; half of all bits are ones.
    #[test]
    fn hashes_are_as_good_as_random() {
        const ROUNDS: u32 = 256;
        type Words = [u128; 3];
        type Kind<'a> = (&'a str, [u32; 3], &'a dyn Fn(Words) -> u64);
        let h = FlowHash::new(7);
        // Address, address, then ports and protocol.
        let v4 = |w: Words| h.v4(w[0] as u32, w[1] as u32, w[2] as u16, (w[2] >> 16) as u16, (w[2] >> 32) as u8);
        let v6 = |w: Words| h.v6(w[0], w[1], w[2] as u16, (w[2] >> 16) as u16, (w[2] >> 32) as u8);
        let at = |w: Words| h.at(w[0] as u64, w[1] as PortNo);
        let words = |w: Words| h.words(&[w[0] as u64, w[1] as u64]);
        let seed = |w: Words| FlowHash::new(w[0] as u64).v6(w[1], w[2], 1, 2, 6);
        let kinds: [Kind<'_>; 5] = [
            ("v4", [32, 32, 40], &v4),
            ("v6", [128, 128, 40], &v6),
            ("at", [64, 16, 0], &at),
            ("words", [64, 64, 0], &words),
            ("seed", [64, 0, 0], &seed),
        ];
        let mut state = 1u64;
        let mut random = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            u128::from(state >> 32) << 96 | u128::from(state ^ state >> 29) << 32 | u128::from(state >> 32)
        };
        for (name, bits, hash) in kinds {
            let mut ones = [0; 64];
            for (word, bit) in (0..3).flat_map(|word| (0..bits[word]).map(move |bit| (word, bit))) {
                let mut moved = 0;
                for _ in 0..ROUNDS {
                    let one = [random(), random(), random()];
                    let mut other = one;
                    other[word] ^= 1 << bit;
                    let h = hash(one);
                    moved += (h ^ hash(other)).count_ones();
                    ones.iter_mut().enumerate().for_each(|(i, n)| *n += (h >> i & 1) as u32);
                }
                assert!((24..=40).contains(&(moved / ROUNDS)), "{name}: bit {bit} of word {word}: {moved}");
            }
            let all = ROUNDS * bits.iter().sum::<u32>();
            assert!(ones.iter().all(|n| n.abs_diff(all / 2) < all / 16), "{name}: {ones:?} of {all}");
        }
    }
}
