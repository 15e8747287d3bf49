use crate::{FiveTuple, Packet};
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Quote {
    pub tuple: FiveTuple,
    pub l3: u16,
    pub l4: u16,
    pub end: u32,
}
pub fn quote(_bytes: &[u8], _p: &Packet) -> Option<Quote> {
    None
}
