//! The pool of sessions: pairing, finding, dying, and who has to go when it is full.

use super::*;
use crate::session::state;
use vpcd_wire::tcp;

fn flows(sessions: usize) -> Flows {
    Flows::new(sessions, FlowHash::new(3))
}

fn key4(n: u16) -> Key {
    Key::new(1, FiveTuple { src: [10, 0, 0, 1].into(), dst: [192, 0, 2, 1].into(), sport: n, dport: 443, proto: 6 })
}

fn key6(last: u16) -> Key {
    let host = |n| IpAddr::V6([0x2001, 0xdb8, 0, 0, 0, 0, 0, n].into());
    Key::new(1, FiveTuple { src: host(last), dst: host(99), sport: 5, dport: 443, proto: 17 })
}

fn answer(key: &Key) -> Key {
    Key::new(2, key.tuple.reverse())
}

/// A session of two tracks whose flow has come `far`: 0 an action only, 1 one packet, 2 an answer.
fn session(f: &mut Flows, key: &Key, far: u8, now: u32) -> u32 {
    let own = f.make(key, None, now).unwrap();
    f.make(&answer(key), Some(own), now).unwrap();
    if far > 0 {
        let slot = f.slot_mut(own).unwrap();
        slot.begin(Kind::Track, true, now);
        slot.touch(true, tcp::SYN, now);
        if far > 1 {
            slot.touch(false, tcp::ACK, now);
        }
    }
    own
}

#[test]
fn both_directions_share_a_session_and_are_found_by_their_keys() {
    let mut f = flows(16);
    let own = session(&mut f, &key4(1), 1, 0);
    assert_eq!(f.find(&key4(1)), Some(own));
    assert_eq!(f.find(&answer(&key4(1))), Some(own ^ 1));
    assert_eq!(f.make(&key4(1), None, 0), Ok(own), "made once");
    assert_eq!((f.tuple(own), f.slot(own).ingress()), (key4(1).tuple, 1));
    assert_eq!(f.slot(own).owner(), Some(crate::topology::EniIdx(0)));
    assert_eq!(f.find(&key4(2)), None);
    assert_eq!(f.find(&Key::new(3, key4(1).tuple)), None, "another port, another entry");
    let third = f.make(&Key::new(3, key4(1).tuple), Some(own), 0).unwrap();
    assert_ne!(third / 2, own / 2, "the place beside is taken");
    assert_eq!((f.usage().sessions, f.usage().capacity), (2, 18));
    assert_eq!(f.entries().count(), 3);
    assert_eq!(f.round(), 2);
}

#[test]
fn usage_counts_what_is_reserved() {
    // By session: two entries with room for IPv6 addresses, and a place among the free ones; buckets of fifteen at two thirds, rounded up to a power of two.
    // An eighth of them is for others than the first port.
    for (asked, sessions, buckets) in [(16, 18, 4), (144, 162, 64), (141, 159, 32)] {
        let f = flows(asked);
        let expected = Usage { sessions: 0, capacity: sessions, bytes: sessions * (2 * (64 + 32) + 4) + buckets * 64 };
        assert_eq!(f.usage(), expected);
    }
}

#[test]
fn ipv6_entries_are_told_apart_by_whole_addresses() {
    let mut f = flows(64);
    let made: Vec<u32> = (1..40).map(|n| f.make(&key6(n), None, 0).unwrap()).collect();
    for (n, entry) in (1..40).zip(made) {
        assert_eq!(f.find(&key6(n)), Some(entry));
        assert_eq!(f.tuple(entry), key6(n).tuple);
        assert!(f.slot(entry).has(flag::V6));
    }
    assert_eq!(f.find(&key6(40)), None);
    f.clear();
    assert_eq!((f.usage().sessions, f.find(&key6(1))), (0, None));
}

#[test]
fn ipv6_entries_are_told_apart_by_ports_protocol_and_ingress_too() {
    let mut f = flows(64);
    let own = f.make(&key6(1), None, 0).unwrap();
    let hash = f.hash.at(f.hash.tuple(&key6(1).tuple), 1);
    let t = key6(1).tuple;
    let others = [
        Key::new(2, t),
        Key::new(1, FiveTuple { sport: 6, ..t }),
        Key::new(1, FiveTuple { dport: 80, ..t }),
        Key::new(1, FiveTuple { proto: 6, ..t }),
    ];
    // Under the same hash, as if they had collided.
    assert_eq!(f.find_hashed(hash, &key6(1)), Some(own));
    assert!(others.iter().all(|k| f.find_hashed(hash, k).is_none()));
    assert_eq!(f.find_hashed(hash ^ 1, &key6(1)), None, "the fingerprint is part of the key");
}

#[test]
fn an_entry_changes_its_epoch_with_its_owner() {
    let mut f = flows(16);
    let own = session(&mut f, &key4(1), 1, 0);
    let first = f.slot(own).epoch;
    f.clear();
    assert_ne!(f.slot(own).epoch, first);
    let again = f.make(&key4(2), None, 0).unwrap();
    assert_eq!(again / 2, own / 2);
    assert!(f.slot(again).epoch > first + 1 || again != own);
}

#[test]
fn the_guess_is_the_entry() {
    let mut f = flows(64);
    let own = session(&mut f, &key4(1), 1, 0);
    let hash = f.prefetch(f.hash.tuple(&key4(1).tuple), 1);
    assert_eq!(f.prefetch_entry(hash), own);
    assert_eq!(f.find_hashed(hash, &key4(1)), Some(own));
    let other = f.prefetch(f.hash.tuple(&key4(77).tuple), 1);
    assert_eq!(f.prefetch_entry(other), NO_ENTRY);
    assert!(!f.slot(NO_ENTRY).has(flag::PRESENT));
}

#[test]
fn a_full_pool_takes_the_dead_then_mere_actions_then_one_sided_flows_and_nobody_else() {
    let mut f = flows(16);
    for n in 0..16 {
        session(&mut f, &key4(n), 2, 0);
    }
    assert_eq!(f.make(&key4(100), None, 1), Err(Full(1)), "conversations stay");
    assert_eq!(f.usage().sessions, 16);
    // One sided.
    let entry = f.find(&key4(5)).unwrap();
    f.slot_mut(entry).unwrap().state &= !state::REPLY;
    assert!(f.make(&key4(101), None, 1).is_ok());
    assert_eq!(f.find(&key4(5)), None);
    // An action only (that is what 101 is), before another one-sided flow.
    let entry = f.find(&key4(6)).unwrap();
    f.slot_mut(entry).unwrap().state &= !state::REPLY;
    assert!(f.make(&key4(102), None, 1).is_ok());
    assert_eq!((f.find(&key4(101)), f.find(&key4(6)).is_some()), (None, true));
    // A dead one, before an action only. TCP not established dies after 60 s.
    let late = 60_000;
    for n in (0..16).filter(|&n| n != 5 && n != 9) {
        let entry = f.find(&key4(n)).unwrap();
        f.slot_mut(entry).unwrap().last = late;
    }
    let entry = f.find(&key4(102)).unwrap();
    f.slot_mut(entry).unwrap().last = late;
    assert!(f.make(&key4(103), None, late).is_ok());
    assert_eq!((f.find(&key4(9)), f.find(&key4(102)).is_some()), (None, true));
}

#[test]
fn the_first_of_the_least_worth_goes() {
    let mut f = flows(16);
    for n in 0..16 {
        // Answered, but for two that are not and two actions.
        let far = [2, 2, 2, 1, 1, 2, 2, 0, 0, 2, 2, 2, 2, 2, 2, 2][usize::from(n)];
        session(&mut f, &key4(n), far, 0);
    }
    assert!(f.make(&key4(100), None, 1).is_ok());
    let gone: Vec<u16> = (0..16).filter(|&n| f.find(&key4(n)).is_none()).collect();
    assert_eq!(gone, [7]);
}

#[test]
fn making_the_other_direction_never_evicts_the_first() {
    let mut f = flows(16);
    for n in 0..15 {
        session(&mut f, &key4(n), 2, 0);
    }
    let own = f.make(&key4(50), None, 0).unwrap();
    f.make(&answer(&key4(50)), Some(own), 0).unwrap();
    // The only one that could go is the one we build on.
    assert_eq!(f.make(&key4(51), Some(own), 0), Err(Full(1)));
    assert!(f.find(&key4(50)).is_some());
}

#[test]
fn the_hand_frees_what_is_dead_and_only_that() {
    let mut f = flows(16);
    session(&mut f, &key4(1), 1, 0);
    session(&mut f, &key4(2), 1, 30_000);
    session(&mut f, &key4(3), 0, 0);
    assert_eq!(f.reclaim(59_999, 10), 0);
    assert_eq!(f.reclaim(60_000, 10), 2, "half-open after 60 s; an action unused for as long");
    assert_eq!(f.find(&key4(1)), None);
    assert!(f.find(&key4(2)).is_some());
    assert_eq!(f.usage().sessions, 1);
    let again = session(&mut f, &key4(4), 1, 60_000);
    assert!(again / 2 < 3, "a freed place is used again");
    assert_eq!(f.round(), 3);
    assert_eq!(f.reclaim(200_000, 1) + f.reclaim(200_000, 1) + f.reclaim(200_000, 1), 2);
}

#[test]
fn the_clients_entry_stays_as_long_as_its_binding() {
    let mut f = flows(16);
    let own = session(&mut f, &key4(1), 1, 0);
    let binding = f.make(&Key::new(0, key4(9).tuple), None, 0).unwrap();
    f.slot_mut(binding).unwrap().bind((0x0a00_0001, 1), 0, 1, 0);
    let epoch = f.slot(binding).epoch;
    let slot = f.slot_mut(own).unwrap();
    slot.flags |= flag::PEER;
    (slot.peer, slot.peer_epoch) = (binding, epoch);
    assert_eq!(f.binding_of(own), Some(binding));
    assert_eq!(f.reclaim(300_000, 16), 0, "the track is dead, the binding is not");
    assert_eq!(f.reclaim(409_999, 16), 0, "held");
    assert_eq!(f.reclaim(410_000, 16), 2);
    assert_eq!(f.find(&key4(1)), None);
    // Other state that an entry rests on is found by its own key.
    let own = session(&mut f, &key4(3), 1, 0);
    let track = session(&mut f, &key4(4), 1, 50_000);
    let epoch = f.slot(track).epoch;
    let slot = f.slot_mut(own).unwrap();
    slot.flags |= flag::PEER;
    (slot.peer, slot.peer_epoch) = (track, epoch);
    assert_eq!(f.reclaim(60_000, 16), 1);
    assert_eq!((f.find(&key4(3)), f.find(&key4(4))), (None, Some(track)));
    f.clear();
    // An entry that changed hands is nobody's peer.
    let own = session(&mut f, &key4(2), 1, 0);
    let slot = f.slot_mut(own).unwrap();
    slot.flags |= flag::PEER;
    (slot.peer, slot.peer_epoch) = (binding, epoch);
    assert_eq!((f.peer(f.slot(own)), f.binding_of(own)), (None, None));
}

// covers: SG-203
#[test]
fn idle_limits_of_an_eni_are_kept_by_number() {
    let mut f = flows(16);
    let short = Timeouts { udp: 45, ..Timeouts::default() };
    assert_eq!((f.profile(&Timeouts::default()), f.profile(&short), f.profile(&short)), (0, 1, 1));
    let own = session(&mut f, &key6(1), 1, 0);
    f.slot_mut(own).unwrap().profile = 1;
    assert_eq!(f.limits(f.slot(own)), &short);
    assert_eq!(f.reclaim(44_999, 4), 0);
    assert_eq!(f.reclaim(60_000, 4), 1);
}

#[test]
fn what_is_past_the_last_number_of_limits_gets_the_default() {
    let mut f = flows(16);
    for n in 1..=255 {
        assert_eq!(f.profile(&Timeouts { udp: 1000 + n, ..Timeouts::default() }), n as u8);
    }
    assert_eq!(f.profile(&Timeouts { udp: 5000, ..Timeouts::default() }), 0);
    assert_eq!(f.profile(&Timeouts { udp: 1255, ..Timeouts::default() }), 255);
}

// covers: SG-206
#[test]
fn one_port_cannot_have_it_all() {
    let mut f = flows(16);
    let from = |port: PortNo, n: u16| Key::new(port, key4(n).tuple);
    assert!((0..100).all(|n| f.make(&from(1, n), None, 0).is_ok()), "actions make room for each other");
    assert_eq!((f.usage().sessions, f.usage().capacity), (16, 18), "the last two are for others");
    assert!(f.make(&from(2, 200), None, 0).is_ok());
    assert!(f.make(&from(3, 201), None, 0).is_ok());
    // Now it is full. Who has less takes from who has more, but not the other way round.
    assert!(f.make(&from(4, 202), None, 0).is_ok());
    assert_eq!((f.shares.held(1), f.shares.held(4), f.usage().sessions), (15, 1, 18));
    for n in 300..400 {
        assert!(f.make(&from(1, n), None, 0).is_ok(), "its own actions make room");
    }
    let others = [(2, 200), (3, 201), (4, 202)];
    assert!(others.iter().all(|&(port, n)| f.find(&from(port, n)).is_some()));
    // What is dead is anybody's.
    assert!(f.make(&from(1, 500), None, ACTION_IDLE_MS).is_ok());
}

#[test]
fn conversations_of_a_greedy_port_are_its_own_limit() {
    let mut f = flows(16);
    let made: Vec<u32> = (0..16).map(|n| session(&mut f, &key4(n), 2, 0)).collect();
    assert_eq!(f.make(&key4(50), None, 1), Err(Full(1)));
    assert!(f.make(&Key::new(9, key4(50).tuple), None, 1).is_ok());
    assert_eq!((0..16).filter_map(|n| f.find(&key4(n))).collect::<Vec<_>>(), made);
}

// covers: SG-206
#[test]
fn equals_do_not_take_from_each_other() {
    let mut f = flows(16);
    let from = |port: PortNo, n: u16| Key::new(port, key4(n).tuple);
    (0..6).for_each(|n| [2, 3, 1].iter().for_each(|&port| assert!(f.make(&from(port, n), None, 0).is_ok())));
    assert_eq!((f.usage().sessions, f.usage().capacity), (18, 18));
    for n in 100..200 {
        assert!(f.make(&from(1, n), None, 0).is_ok(), "its own make room");
    }
    assert!((0..6).all(|n| f.find(&from(2, n)).is_some() && f.find(&from(3, n)).is_some()));
}
