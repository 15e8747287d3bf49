//! The form of large IPv4 tables, after Poptrie (Asai and Ohara, SIGCOMM 2015): a root indexed directly
//! by the first bits of the address, then nodes that each take six more. A node is bitmaps and
//! bases: which of its 64 slots go deeper, and where runs of equal answers begin; counting bits
//! below the slot gives the place of the child or of the answer. Most nodes of a real table have
//! no children; those are *tips*, without the child bitmap.

use super::{NONE, addr::Addr, ranges::Ranges};

/// A link is two bits of kind and a 30-bit index into the array of that kind.
type Link = u32;
const TIP: Link = 0;
const NODE: Link = 1 << 30;
const LEAF: Link = 2 << 30;
const KIND: Link = 3 << 30;

/// Lookups in flight at once.
const LANES: usize = 32;

#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Trie {
    root_bits: u32,
    root: Box<[Link]>,
    /// Element 0 of `nodes` and `tips` is reachable from nowhere: lanes of a batch that need none
    /// read it instead of branching.
    nodes: Box<[Node]>,
    tips: Box<[Tip]>,
    leaves: Leaves,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Node {
    /// Slots that go deeper.
    children: u64,
    /// Of the other slots, those whose answer differs from the other slot before them.
    runs: u64,
    /// Link of the first child; all children of one node are of one kind.
    first_child: Link,
    /// Index of the first run's answer.
    first_leaf: u32,
}

/// `runs` (low half, high half) and `first_leaf` of a node without children: 12 bytes, where a
/// `u64` would pad to 16.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
struct Tip([u32; 3]);

/// Answers in the narrowest width that holds them; the highest number of the width is [`NONE`].
#[derive(Clone, PartialEq, Eq, Debug)]
enum Leaves {
    W8(Box<[u8]>),
    W16(Box<[u16]>),
    W32(Box<[u32]>),
}

impl Trie {
    /// `root_bits` in 1..=18. Links hold 30 bits, which a billion ranges would fill.
    pub(super) fn build<A: Addr>(ranges: &Ranges<A>, root_bits: u32) -> Trie {
        let mut builder = Builder {
            starts: &ranges.starts,
            values: &ranges.values,
            nodes: vec![Node::default()],
            tips: vec![Tip::default()],
            leaves: Vec::new(),
        };
        let root = builder.root(root_bits);
        Trie {
            root_bits,
            root: root.into(),
            nodes: builder.nodes.into(),
            tips: builder.tips.into(),
            leaves: Leaves::narrow(builder.leaves),
        }
    }

    #[inline]
    pub(super) fn lookup<A: Addr>(&self, addr: A) -> u32 {
        let mut link = self.enter(addr);
        let mut depth = self.root_bits;
        while link & KIND == NODE {
            link = self.descend(link, addr.chunk(depth));
            depth += 6;
        }
        if link & KIND == TIP {
            link = self.tip(link, addr.chunk(depth));
        }
        match &self.leaves {
            Leaves::W8(leaves) => leaf(leaves, link),
            Leaves::W16(leaves) => leaf(leaves, link),
            Leaves::W32(leaves) => leaf(leaves, link),
        }
    }

    pub(super) fn lookup_batch<A: Addr>(&self, addrs: &[A], out: &mut [u32]) {
        match &self.leaves {
            Leaves::W8(leaves) => self.batch(addrs, out, leaves),
            Leaves::W16(leaves) => self.batch(addrs, out, leaves),
            Leaves::W32(leaves) => self.batch(addrs, out, leaves),
        }
    }

    #[cfg(test)]
    pub(super) fn root_bits(&self) -> u32 {
        self.root_bits
    }

    pub(super) fn heap_bytes(&self) -> usize {
        let leaves = match &self.leaves {
            Leaves::W8(leaves) => size_of_val(&**leaves),
            Leaves::W16(leaves) => size_of_val(&**leaves),
            Leaves::W32(leaves) => size_of_val(&**leaves),
        };
        size_of_val(&*self.root) + size_of_val(&*self.nodes) + size_of_val(&*self.tips) + leaves
    }

    fn batch<A: Addr, L: Leaf>(&self, addrs: &[A], out: &mut [u32], leaves: &[L]) {
        let n = addrs.len().min(out.len());
        let (addrs, addrs_rest) = addrs[..n].as_chunks::<LANES>();
        let (out, out_rest) = out[..n].as_chunks_mut::<LANES>();
        for (addrs, out) in addrs.iter().zip(out) {
            self.batch_full(addrs, out, leaves);
        }
        for (addr, out) in addrs_rest.iter().zip(out_rest) {
            *out = self.lookup(*addr);
        }
    }

    /// One level for all lanes before the next level of any: the misses of a level overlap.
    #[inline(always)]
    fn batch_full<A: Addr, L: Leaf>(&self, addrs: &[A; LANES], out: &mut [u32; LANES], leaves: &[L]) {
        let mut links = [0; LANES];
        let mut kinds = 0;
        for (link, addr) in links.iter_mut().zip(addrs) {
            *link = self.enter(*addr);
            kinds |= *link;
        }
        let mut depths = [self.root_bits as u8; LANES];
        let mut depth = self.root_bits;
        while kinds & NODE != 0 {
            kinds = 0;
            for ((link, addr), at) in links.iter_mut().zip(addrs).zip(&mut depths) {
                let is_node = *link & NODE != 0;
                let below = self.descend(if is_node { *link } else { NODE }, addr.chunk(depth));
                *link = if is_node { below } else { *link };
                *at += if is_node { 6 } else { 0 };
                kinds |= *link;
            }
            depth += 6;
        }
        for ((link, addr), at) in links.iter_mut().zip(addrs).zip(&depths) {
            let is_leaf = *link & LEAF != 0;
            let below = self.tip(if is_leaf { 0 } else { *link }, addr.chunk(u32::from(*at) & (A::BITS - 1)));
            *link = if is_leaf { *link } else { below };
        }
        for (out, link) in out.iter_mut().zip(&links) {
            *out = leaf(leaves, *link);
        }
    }

    #[inline(always)]
    fn enter<A: Addr>(&self, addr: A) -> Link {
        self.root.get(addr.top(self.root_bits)).copied().unwrap_or(LEAF)
    }

    /// From a node to its child or leaf in `slot`.
    #[inline(always)]
    fn descend(&self, link: Link, slot: u32) -> Link {
        let Some(node) = self.nodes.get((link & !KIND) as usize) else {
            return LEAF;
        };
        let bit = 1u64 << slot;
        let up_to = bit | (bit - 1);
        let child = node.first_child.wrapping_add((node.children & (bit - 1)).count_ones());
        let leaf = node.first_leaf.wrapping_add((node.runs & up_to).count_ones()).wrapping_sub(1);
        if node.children & bit != 0 { child } else { LEAF | leaf }
    }

    /// From a tip to its leaf in `slot`.
    #[inline(always)]
    fn tip(&self, link: Link, slot: u32) -> Link {
        let Some(Tip([low, high, first_leaf])) = self.tips.get((link & !KIND) as usize) else {
            return LEAF;
        };
        let runs = u64::from(*low) | u64::from(*high) << 32;
        let up_to = (2u64 << slot).wrapping_sub(1);
        LEAF | first_leaf.wrapping_add((runs & up_to).count_ones()).wrapping_sub(1)
    }
}

/// The answer that a leaf link names.
#[inline(always)]
fn leaf<L: Leaf>(leaves: &[L], link: Link) -> u32 {
    leaves.get((link & !KIND) as usize).map_or(NONE, |l| l.answer())
}

trait Leaf: Copy {
    fn answer(self) -> u32;
}

impl Leaf for u8 {
    #[inline(always)]
    fn answer(self) -> u32 {
        if self == u8::MAX { NONE } else { u32::from(self) }
    }
}

impl Leaf for u16 {
    #[inline(always)]
    fn answer(self) -> u32 {
        if self == u16::MAX { NONE } else { u32::from(self) }
    }
}

impl Leaf for u32 {
    #[inline(always)]
    fn answer(self) -> u32 {
        self
    }
}

impl Leaves {
    fn narrow(leaves: Vec<u32>) -> Leaves {
        let highest = leaves.iter().copied().filter(|l| *l != NONE).max().unwrap_or(0);
        // Truncation turns NONE into the highest number of the width.
        if highest < u32::from(u8::MAX) {
            Leaves::W8(leaves.iter().map(|l| *l as u8).collect())
        } else if highest < u32::from(u16::MAX) {
            Leaves::W16(leaves.iter().map(|l| *l as u16).collect())
        } else {
            Leaves::W32(leaves.into())
        }
    }
}

struct Builder<'a, A> {
    starts: &'a [A],
    values: &'a [u32],
    nodes: Vec<Node>,
    tips: Vec<Tip>,
    leaves: Vec<u32>,
}

/// The ranges from the one that holds the first address of a slot to the one that holds the last.
#[derive(Clone, Copy)]
struct Span {
    first: usize,
    last: usize,
}

impl<A: Addr> Builder<'_, A> {
    fn root(&mut self, bits: u32) -> Vec<Link> {
        let slots = 1usize << bits;
        let mut root = Vec::with_capacity(slots);
        let mut at = 0;
        let mut run = None;
        while root.len() < slots {
            let (until, child) = self.step(at, self.starts.len() - 1, bits, |a| a.top(bits), slots);
            if until > root.len() {
                let value = self.values[at];
                if run != Some(value) {
                    run = Some(value);
                    self.leaves.push(value);
                }
                root.resize(until, LEAF | (self.leaves.len() - 1) as u32);
            }
            match child {
                Some(span) => {
                    let place = self.reserve(&[span], bits);
                    self.fill(place, span, bits);
                    root.push(place);
                    // The run's answer now lies before the child's: a fresh copy keeps close.
                    run = None;
                    at = span.last;
                }
                None => at += 1,
            }
        }
        root
    }

    /// From range `at` on: the slot up to which its answer holds for whole slots, and the ranges
    /// of that slot if a boundary lies inside it. Without a child the next range begins there.
    fn step(
        &self,
        at: usize,
        last: usize,
        depth: u32,
        slot: impl Fn(A) -> usize,
        slots: usize,
    ) -> (usize, Option<Span>) {
        if at >= last {
            return (slots, None);
        }
        let boundary = self.starts[at + 1];
        let until = slot(boundary);
        if boundary.aligned(depth) {
            return (until, None);
        }
        let mut end = at;
        while end < last && slot(self.starts[end + 1]) == until {
            end += 1;
        }
        (until, Some(Span { first: at, last: end }))
    }

    /// Makes room for siblings at `depth`; returns the link of the first.
    fn reserve(&mut self, spans: &[Span], depth: u32) -> Link {
        let tips = spans.iter().all(|span| {
            let inside = &self.starts[span.first + 1..=span.last];
            inside.iter().all(|start| start.aligned(depth + 6))
        });
        if tips {
            let first = self.tips.len();
            self.tips.resize(first + spans.len(), Tip::default());
            TIP | first as u32
        } else {
            let first = self.nodes.len();
            self.nodes.resize(first + spans.len(), Node::default());
            NODE | first as u32
        }
    }

    /// Writes the node or tip `place`, whose slots begin at bit `depth`, and all below it.
    fn fill(&mut self, place: Link, span: Span, depth: u32) {
        let mut node = Node { first_leaf: self.leaves.len() as u32, ..Node::default() };
        let mut spans = [span; 64];
        let mut children = 0;
        let (mut at, mut slot, mut run) = (span.first, 0, None);
        while slot < 64 {
            let (until, child) = self.step(at, span.last, depth + 6, |a| a.chunk(depth) as usize, 64);
            if until > slot {
                let value = self.values[at];
                if run != Some(value) {
                    run = Some(value);
                    node.runs |= 1 << slot;
                    self.leaves.push(value);
                }
                slot = until;
            }
            match child {
                Some(span) => {
                    node.children |= 1 << slot;
                    spans[children] = span;
                    children += 1;
                    at = span.last;
                    slot += 1;
                }
                None => at += 1,
            }
        }
        let spans = &spans[..children];
        if !spans.is_empty() {
            node.first_child = self.reserve(spans, depth + 6);
        }
        let index = (place & !KIND) as usize;
        if place & KIND == TIP {
            self.tips[index] = Tip([node.runs as u32, (node.runs >> 32) as u32, node.first_leaf]);
        } else {
            self.nodes[index] = node;
        }
        for (i, span) in spans.iter().enumerate() {
            self.fill(node.first_child + i as u32, *span, depth + 6);
        }
    }
}
