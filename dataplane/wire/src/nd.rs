use crate::{Mac, Packet, ParseError};
use std::net::Ipv6Addr;
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Nd {
    pub typ: u8,
    pub target: Option<Ipv6Addr>,
    pub src_lladdr: Option<Mac>,
}
pub fn parse_nd(_bytes: &[u8], _p: &Packet) -> Result<Nd, ParseError> {
    Err(ParseError::Neighbour)
}
