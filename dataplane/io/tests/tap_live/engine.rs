//! The running engine and the kernel's devices: made by us, made by others, and interfaces of the host.

use crate::lab::*;
use crate::{ip, isolated};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use vpcd_dataplane::engine::{Config, Counters};
use vpcd_dataplane::pipeline::{Reason, Stage};
use vpcd_dataplane::tables::filter::SgSide;
use vpcd_dataplane::topology::{Filter, PortNo, Topology};
use vpcd_dataplane::wire::Frame;
use vpcd_io::live::{Live, LivePort};
use vpcd_io::packet::PacketQueue;
use vpcd_io::port::Device;
use vpcd_io::tap::{self, Tap, TapError};

const WORKERS: usize = 2;
const LONG: Duration = Duration::from_secs(10);

/// Before any interface is made: none of them shall speak of its own accord.
fn be_silent() {
    for which in ["all", "default"] {
        std::fs::write(format!("/proc/sys/net/ipv6/conf/{which}/disable_ipv6"), "1").unwrap();
    }
}

fn start() -> Live {
    Live::start(Config { workers: WORKERS, ..Config::default() }, lab(), Vec::new(), None).unwrap()
}

fn exists(name: &str) -> bool {
    Command::new("ip").args(["link", "show", name]).output().unwrap().status.success()
}

/// A TAP that the engine serves, and its machine: who sends and receives by the interface.
fn machine(live: &Live, port: PortNo, name: &str) -> PacketQueue {
    live.plug(LivePort::new(port, name, Tap::create(name, WORKERS).unwrap())).unwrap();
    up(name)
}

fn up(name: &str) -> PacketQueue {
    tap::set_mtu(name, 9001).unwrap();
    tap::set_link_up(name).unwrap();
    PacketQueue::open(name, 1).unwrap().remove(0)
}

/// What the device has next, within ten seconds.
fn next(device: &mut impl Device) -> Frame {
    let (mut frame, deadline) = (Frame::default(), Instant::now() + LONG);
    while !device.read(&mut frame).unwrap() {
        assert!(Instant::now() < deadline, "nothing came");
        std::thread::sleep(Duration::from_micros(100));
    }
    frame
}

fn nothing(device: &mut impl Device) {
    std::thread::sleep(Duration::from_millis(50));
    assert!(!device.read(&mut Frame::default()).unwrap(), "something came");
}

/// A connection from OTHER to WEB, both ways; what arrived.
fn connect(other: &mut impl Device, web: &mut impl Device, port: u16) -> [Frame; 2] {
    assert!(other.write(&tcp("10.0.0.7", port, "10.0.0.5", 80, "S")).unwrap());
    let there = next(web);
    assert!(web.write(&tcp("10.0.0.5", 80, "10.0.0.7", port, "SA")).unwrap());
    [there, next(other)]
}

fn until(live: &Live, what: impl Fn(&Counters) -> bool) -> Counters {
    let deadline = Instant::now() + LONG;
    loop {
        let counters = live.counters();
        if what(&counters) {
            return counters;
        }
        assert!(Instant::now() < deadline, "{counters:?}");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn holds(counters: &Counters) {
    let (came, went) = counters.conservation();
    assert_eq!(came, went, "{counters:?}");
}

#[test]
fn a_device_goes_with_unplug_and_comes_back_with_plug() {
    isolated("engine::a_device_goes_with_unplug_and_comes_back_with_plug", || {
        be_silent();
        let live = start();
        let mut other = machine(&live, OTHER, "other");
        for n in 0..50 {
            let mut web = machine(&live, WEB, "web");
            connect(&mut other, &mut web, 1024 + n);
            live.unplug(WEB).unwrap();
            assert!(!exists("web"), "the device is there after unplug");
            assert!(other.write(&tcp("10.0.0.7", 1024 + n, "10.0.0.5", 80, "A")).unwrap());
            let lost = |c: &Counters| c.drops(OTHER, Stage::Engine, Reason::PortFull);
            until(&live, |c| lost(c) == u64::from(n) + 1);
        }
        let counters = live.stop().unwrap();
        assert_eq!(counters.dropped, 50);
        holds(&counters);
        assert!(!exists("other"));
    });
}

#[test]
fn devices_that_others_made_are_served_and_left() {
    isolated("engine::devices_that_others_made_are_served_and_left", || {
        be_silent();
        ip(&["tuntap", "add", "dev", "one", "mode", "tap"]);
        ip(&["tuntap", "add", "dev", "many", "mode", "tap", "multi_queue"]);
        ip(&["tuntap", "add", "dev", "three", "mode", "tun"]);
        let live = start();
        for _ in 0..3 {
            for (port, name) in [(OTHER, "one"), (WEB, "many")] {
                let queues = Tap::attach(name, WORKERS).unwrap();
                assert_eq!(queues.iter().filter(|q| q.fd().is_some()).count(), if name == "one" { 1 } else { 2 });
                live.plug(LivePort::new(port, name, queues)).unwrap();
            }
            let (mut one, mut many) = (up("one"), up("many"));
            // Flows of both workers: what the one queue brings may leave by the other worker.
            for n in 0..20 {
                let [there, back] = connect(&mut one, &mut many, 1024 + n);
                assert_eq!((there.len(), back.len()), (58, 58));
            }
            let said = Tap::attach("one", 1).unwrap_err().to_string();
            assert!(said.starts_with("one: cannot attach to the TAP device: "), "{said}");
            live.unplug(OTHER).unwrap();
            live.unplug(WEB).unwrap();
            assert!(exists("one") && exists("many"));
        }
        assert_eq!(live.stop().unwrap().dropped, 0);
        let said = Tap::attach("none", 1).unwrap_err().to_string();
        assert!(said.starts_with("none: cannot find the interface: ") && !exists("none"), "{said}");
        for name in ["lo", "three"] {
            assert!(matches!(Tap::attach(name, 2), Err(TapError::Call { .. })), "{name} is no TAP device");
        }
    });
}

#[test]
fn a_machine_behind_an_interface_of_the_host() {
    isolated("engine::a_machine_behind_an_interface_of_the_host", || {
        be_silent();
        // As a virtual machine has it: the program's end is its own, and the interface is what the host sees.
        let mut own = Tap::create("vm", 1).unwrap().remove(0);
        tap::set_mtu("vm", 9001).unwrap();
        tap::set_link_up("vm").unwrap();
        let live = start();
        live.plug(LivePort::new(OTHER, "vm", PacketQueue::open("vm", WORKERS).unwrap())).unwrap();
        let mut web = machine(&live, WEB, "web");
        for n in 0..20 {
            let [there, back] = connect(&mut own, &mut web, 1024 + n);
            assert_eq!((there.len(), back.len()), (58, 58));
        }
        let counters = live.counters();
        assert_eq!((counters.port(OTHER).received, counters.port(OTHER).sent), (20, 20), "what goes out is not heard");

        // The kernel takes the tag out of the frame; it counts all the same.
        let plain = tcp("10.0.0.7", 1024, "10.0.0.5", 80, "A");
        let bytes = plain.bytes();
        assert!(own.write(&Frame::from_bytes(&[&bytes[..12], &[0x81, 0, 0, 5], &bytes[12..]].concat())).unwrap());
        until(&live, |c| c.drops(OTHER, Stage::Parse, Reason::Vlan) == 1);
        nothing(&mut web);

        // One frame that stands for many, its checksum unfinished.
        let mut big = big(30_000, 1400);
        assert!(own.write(&big).unwrap());
        let mut payload = 0;
        while payload < 30_000 {
            let came = next(&mut web);
            assert!(came.gso_size == 1400 || came.len() <= 54 + 1400, "{} {}", came.gso_size, came.len());
            assert!(came.bytes()[54..].iter().all(|&b| b == 7));
            payload += came.len() - 54;
        }
        assert_eq!(payload, 30_000);
        big.gso_size = 9000;
        assert!(own.write(&big).unwrap());
        until(&live, |c| c.drops(OTHER, Stage::Parse, Reason::Oversize) == 1);

        // Down and up again: the port stays.
        ip(&["link", "set", "vm", "down"]);
        std::thread::sleep(Duration::from_millis(20));
        tap::set_link_up("vm").unwrap();
        connect(&mut own, &mut web, 2000);
        assert_eq!(live.faults(), []);
        live.unplug(OTHER).unwrap();
        assert!(exists("vm"));
        holds(&live.stop().unwrap());
    });
}

/// A TCP frame that stands for segments of `size`.
fn big(payload: usize, size: u16) -> Frame {
    let small = tcp("10.0.0.7", 1024, "10.0.0.5", 80, "A");
    let mut bytes = small.bytes()[..54].to_vec();
    bytes.resize(54 + payload, 7);
    bytes[16..18].copy_from_slice(&(40 + payload as u16).to_be_bytes());
    bytes[24..26].fill(0);
    let sum = |words: &[u8]| words.chunks(2).map(|w| u32::from(u16::from_be_bytes([w[0], w[1]]))).sum::<u32>();
    let fold = |sum: u32| ((sum & 0xffff) + (sum >> 16)) as u16;
    let header = !fold(sum(&bytes[14..34]));
    bytes[24..26].copy_from_slice(&header.to_be_bytes());
    // What is left to add is the segment itself.
    let pseudo = fold(sum(&bytes[26..34]) + 6 + 20 + payload as u32);
    bytes[50..52].copy_from_slice(&pseudo.to_be_bytes());
    let mut frame = Frame::from_bytes(&bytes);
    (frame.flags, frame.csum_start, frame.csum_offset) = (Frame::NEEDS_CSUM, 34, 16);
    (frame.gso_type, frame.gso_size) = (1, size);
    frame
}

#[test]
fn a_device_that_somebody_deletes_is_a_fault_of_its_port_alone() {
    isolated("engine::a_device_that_somebody_deletes_is_a_fault_of_its_port_alone", || {
        be_silent();
        let live = start();
        let (mut other, mut web) = (machine(&live, OTHER, "other"), machine(&live, WEB, "web"));
        machine(&live, DB, "db");
        ip(&["link", "del", "db"]);
        let deadline = Instant::now() + LONG;
        while live.faults().is_empty() {
            assert!(Instant::now() < deadline, "nobody noticed");
            std::thread::sleep(Duration::from_millis(1));
        }
        assert_eq!(live.faults().iter().map(|f| f.port).collect::<Vec<_>>(), [DB]);
        connect(&mut other, &mut web, 1024);
        live.unplug(DB).unwrap();
        machine(&live, DB, "db");
        assert_eq!((live.faults(), live.failed()), (vec![], false));
        holds(&live.stop().unwrap());
    });
}

/// One packet of each flow is under way at any time, fewer than any queue holds: what is lost, vpcd lost.
#[test]
fn a_thousand_publishes_while_devices_are_busy_lose_no_frame() {
    isolated("engine::a_thousand_publishes_while_devices_are_busy_lose_no_frame", || {
        be_silent();
        let live = start();
        let (mut other, mut web) = (machine(&live, OTHER, "other"), machine(&live, WEB, "web"));
        let flows: Vec<[Frame; 2]> = (0..100)
            .map(|n| {
                connect(&mut other, &mut web, 1024 + n);
                [tcp("10.0.0.7", 1024 + n, "10.0.0.5", 80, "A"), tcp("10.0.0.5", 80, "10.0.0.7", 1024 + n, "A")]
            })
            .collect();
        let over = AtomicBool::new(false);
        let mut took = Vec::new();
        let rounds = std::thread::scope(|scope| {
            let traffic = scope.spawn(|| {
                let mut rounds = 0u64;
                while !over.load(Ordering::Relaxed) || rounds < 100 {
                    for [there, back] in &flows {
                        assert!(other.write(there).unwrap() && web.write(back).unwrap());
                    }
                    for _ in &flows {
                        next(&mut web);
                        next(&mut other);
                    }
                    rounds += 1;
                }
                rounds
            });
            for n in 0..1000u32 {
                let next = changed(n);
                let begun = Instant::now();
                live.publish(next);
                took.push(begun.elapsed());
                std::thread::sleep(Duration::from_micros(200));
            }
            over.store(true, Ordering::Relaxed);
            traffic.join().unwrap()
        });
        took.sort();
        println!("{rounds} rounds; a publish took {:?}, p99 {:?}, at most {:?}", took[500], took[990], took[999]);
        let counters = live.stop().unwrap();
        assert_eq!(counters.dropped, 0, "{:?}", counters.all_drops().collect::<Vec<_>>());
        assert_eq!(
            (counters.port(OTHER).received, counters.port(OTHER).sent),
            (100 * (rounds + 1), 100 * (rounds + 1))
        );
        assert!(counters.rewalks > 0);
        assert_eq!(counters.walks - counters.rewalks, 200, "no flow began anew");
        holds(&counters);
    });
}

/// Another port more, or not, in a rule that both machines rest on.
fn changed(n: u32) -> Topology {
    let mut t = lab();
    let egress = t.filters.get(0).unwrap().egress.clone();
    let rules = [80, 8000 + (n % 2) as u16].map(|port| rule(Some(6), (port, port), "0.0.0.0/0"));
    t.filters.set(0, Arc::new(Filter { ingress: SgSide::build(&rules), egress }));
    t
}
