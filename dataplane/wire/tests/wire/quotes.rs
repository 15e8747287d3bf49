//! What ICMP errors quote.

use crate::support::*;
use vpcd_wire::*;

fn quoted(frame: &[u8]) -> Option<Quote> {
    quote(frame, &packet(frame))
}

fn error(quote: &[u8]) -> Vec<u8> {
    ip4(1, 0, &[], &icmp(3, 4, 1500, quote))
}

#[test]
fn the_quoted_tuple_is_told_as_written() {
    let inner = ip4(17, 0x4000, &[1; 4], &udp(53, 54, b"abcdef"));
    let q = quoted(&error(&inner[14..])).unwrap();
    assert_eq!(q.tuple.to_string(), "udp 10.0.1.5:53 > 10.0.2.6:54");
    assert_eq!((q.l3, q.l4, q.end), (42, 66, 80));
    let inner = ip4(1, 0, &[], &icmp(8, 0, 0x0007_0001, b""));
    assert_eq!(quoted(&error(&inner[14..])).unwrap().tuple.to_string(), "icmp 10.0.1.5 > 10.0.2.6 8/0 id 7");
    let inner = ip6(6, &tcp(1, 2, SYN, b""));
    let frame = ip6(58, &icmp(2, 0, 1280, &inner[14..]));
    let q = quoted(&frame).unwrap();
    assert_eq!((q.tuple.to_string(), q.l3, q.l4), ("tcp [2001::5]:1 > [2001::6]:2".into(), 62, 102));
}

#[test]
fn a_quote_is_all_that_the_error_carries() {
    let inner = ip4(6, 0, &[], &tcp(1, 2, ACK, &[0; 100]));
    let frame = error(&inner[14..14 + 28]);
    assert_eq!(quoted(&frame).unwrap().end as usize, frame.len());
    let inner = ip4(17, 0, &[], &udp(1, 2, b""));
    let frame = error(&[&inner[14..], &[0; 40]].concat());
    assert_eq!(quoted(&frame).unwrap().end as usize, frame.len());
}

#[test]
fn quotes_that_cannot_be_read_far_enough_are_none() {
    let inner = ip4(17, 0, &[], &udp(53, 54, b"abcdef"));
    let full = inner[14..].to_vec();
    for len in 0..28 {
        assert_eq!(quoted(&error(&full[..len])), None, "{len}");
    }
    assert!(quoted(&error(&full[..28])).is_some());
    let change = |at: usize, value: u8| {
        let mut inner = full.clone();
        inner[at] = value;
        quoted(&error(&inner))
    };
    assert_eq!(change(0, 0x65), None);
    assert_eq!(change(0, 0x44), None);
    assert!(change(3, 0).is_some(), "lengths in the quote are not judged");
    assert_eq!(change(7, 1), None);
    assert!(change(6, 0x20).is_some(), "a first fragment");
    let inner6 = ip6(17, &udp(53, 54, b""));
    for len in 0..48 {
        assert_eq!(quoted(&ip6(58, &icmp(1, 0, 0, &inner6[14..14 + len]))), None, "{len}");
    }
    let later = ip6(44, &[&[17, 0, 0, 8, 0, 0, 0, 1][..], &[0; 8]].concat());
    assert_eq!(quoted(&ip6(58, &icmp(1, 0, 0, &later[14..]))), None);
}

#[test]
fn only_errors_quote_and_never_another_error() {
    let inner = ip4(17, 0, &[], &udp(53, 54, b""));
    assert_eq!(quoted(&ip4(1, 0, &[], &icmp(8, 0, 0, &inner[14..]))), None);
    let twice = error(&inner[14..]);
    assert_eq!(quoted(&error(&twice[14..])), None);
    let later = ip4(1, 185, &[], &icmp(3, 4, 0, &inner[14..]));
    assert_eq!(quoted(&later), None);
}
