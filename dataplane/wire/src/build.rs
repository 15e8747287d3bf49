use crate::{Frame, Mac, Packet};
use std::net::{Ipv4Addr, Ipv6Addr};
pub fn build_arp_reply(_out: &mut Frame, _eth_dst: Mac, _answer_mac: Mac, _answer_ip: Ipv4Addr, _ask_mac: Mac, _ask_ip: Ipv4Addr) {}
pub fn build_na(_out: &mut Frame, _eth_dst: Mac, _src_mac: Mac, _target: Ipv6Addr, _dst: Ipv6Addr, _router: bool, _solicited: bool) {}
pub fn build_ra(_out: &mut Frame, _eth_dst: Mac, _src_mac: Mac, _src: Ipv6Addr, _dst: Ipv6Addr) {}
#[allow(clippy::too_many_arguments)]
pub fn build_icmp4_error(_out: &mut Frame, _eth_dst: Mac, _src_ip: Ipv4Addr, _typ: u8, _code: u8, _mtu: u16, _orig: &[u8], _p: &Packet) {}
pub fn build_icmp6_too_big(_out: &mut Frame, _eth_dst: Mac, _src: Ipv6Addr, _mtu: u32, _orig: &[u8], _p: &Packet) {}
pub fn build_tcp_rst4(_out: &mut Frame, _eth_dst: Mac, _orig: &[u8], _p: &Packet) {}
