//! Any bytes through the parser, the quote reader, the builders and the fragmenter: no panic, and offsets that stay inside the frame.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::net::{Ipv4Addr, Ipv6Addr};
use vpcd_wire::*;

fuzz_target!(|bytes: &[u8]| {
    let Some((&mtu, bytes)) = bytes.split_first() else { return };
    let Ok(Parsed::Ip(p)) = parse(bytes, usize::from(mtu) * 64) else { return };
    assert!(usize::from(p.l3) <= usize::from(p.l4) && usize::from(p.l4) <= p.end as usize && p.end as usize <= bytes.len());
    let tuple = p.tuple(bytes);
    assert_eq!(tuple.reverse().reverse(), tuple);
    let _ = tuple.to_string();
    let _ = parse_nd(bytes, &p);
    let quoted = quote(bytes, &p);
    let mut out = Frame::with_capacity(64);
    build_icmp6_too_big(&mut out, FABRIC_MAC, Ipv6Addr::LOCALHOST, 1500, bytes, &p);
    if p.has(Packet::V6) {
        return;
    }
    build_icmp4_error(&mut out, FABRIC_MAC, Ipv4Addr::LOCALHOST, 3, 4, 1500, bytes, &p);
    assert!(parse(out.bytes(), 0).is_ok());
    build_tcp_rst4(&mut out, FABRIC_MAC, bytes, &p);
    let mut frame = Frame::from_bytes(bytes);
    let old = (p.src4, p.dst4, p.sport, p.dport);
    let new = (0x0a00_0001, 0xc633_6401, p.sport ^ 1, p.dport);
    Rewrite4::new(p.proto, old, new).apply(&mut frame, &p, true);
    Rewrite4::new(p.proto, new, old).apply(&mut frame, &p, false);
    if let Some(q) = quoted {
        rewrite_error4(&mut frame, &p, &q, (1, 2), (3, 4, 5, 6), true);
    }
    if p.l3_len() > 68 {
        let mut pieces = 0;
        fragment4(&frame, &p, 68, &mut |piece| {
            pieces += 1;
            assert!(piece.len() <= ETH_LEN + 68);
        });
        assert!(pieces > 0);
    }
});
