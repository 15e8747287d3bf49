use crate::{Frame, Packet, Quote};
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rewrite4 {
    pub src: u32,
    pub dst: u32,
    pub sport: u16,
    pub dport: u16,
    pub d_addr: u16,
    pub d_l4: u16,
}
impl Rewrite4 {
    pub fn new(_proto: u8, _old: (u32, u32, u16, u16), _new: (u32, u32, u16, u16)) -> Rewrite4 {
        Rewrite4::default()
    }
    pub fn apply(&self, _frame: &mut Frame, _p: &Packet, _ttl: bool) {}
}
pub fn rewrite_error4(
    _frame: &mut Frame,
    _p: &Packet,
    _q: &Quote,
    _outer: (u32, u32),
    _quoted: (u32, u32, u16, u16),
    _ttl: bool,
) {
}
