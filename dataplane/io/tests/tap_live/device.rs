//! A TAP device and the kernel.

use crate::{ip, isolated};
use std::net::UdpSocket;
use std::os::fd::AsRawFd;
use std::process::Command;
use std::time::{Duration, Instant};
use vpcd_io::poll::Poller;
use vpcd_io::port::{Pool, Port, TapPort};
use vpcd_io::tap::{self, Tap, TapError, TapQueue};
use vpcd_wire::{Frame, Mac};

const NAME: &str = "vpcdio0";
const KERNEL_MAC: Mac = Mac([0x02, 0, 0, 0, 0, 0x0a]);
const OUR_MAC: Mac = Mac([0x02, 0, 0, 0, 0, 0x0b]);
#[test]
fn frames_pass_between_the_kernel_and_a_tap_device() {
    isolated("device::frames_pass_between_the_kernel_and_a_tap_device", everything);
}

/// One thing after the other, on the one interface there is.
fn everything() {
    let mut queues = Tap::create(NAME, 2).unwrap();
    assert!(matches!(Tap::create(NAME, 1), Err(TapError::Exists { .. })));
    tap::set_mac(NAME, KERNEL_MAC).unwrap();
    tap::set_mtu(NAME, 9001).unwrap();
    tap::set_link_up(NAME).unwrap();
    ip(&["addr", "add", "10.9.0.2/24", "dev", NAME]);
    ip(&["neigh", "add", "10.9.0.1", "lladdr", &OUR_MAC.to_string(), "dev", NAME]);
    let shown = ip(&["-d", "link", "show", NAME]);
    for part in [KERNEL_MAC.to_string().as_str(), "mtu 9001", "qlen 1000", "UP", "multi_queue", "vnet_hdr on"] {
        assert!(shown.contains(part), "{part} is missing in {shown}");
    }
    let socket = UdpSocket::bind("10.9.0.2:7000").unwrap();
    socket.set_read_timeout(Some(Duration::from_secs(5))).unwrap();

    from_the_kernel(&mut queues, &socket);
    to_the_kernel(&mut queues, &socket);
    what_is_not_read_is_counted(&socket);
    longer_than_the_room(&mut queues, &socket);
    as_a_port(queues, &socket);
    let gone = Command::new("ip").args(["link", "show", NAME]).output().unwrap();
    assert!(!gone.status.success(), "the device goes with its last queue");
}

fn from_the_kernel(queues: &mut [TapQueue], socket: &UdpSocket) {
    let mut poller = Poller::new().unwrap();
    for (n, queue) in queues.iter().enumerate() {
        poller.add(queue.as_raw_fd(), n as u32).unwrap();
    }
    for length in [3, 1400, 8973] {
        let payload = vec![length as u8; length];
        socket.send_to(&payload, "10.9.0.1:9").unwrap();
        let frame = receive(queues, &mut poller);
        let bytes = frame.bytes();
        assert_eq!((&bytes[..6], &bytes[6..12], frame.len()), (&OUR_MAC.0[..], &KERNEL_MAC.0[..], 42 + length));
        assert_eq!(&bytes[42..], payload);
        assert_eq!((frame.flags, frame.gso_size, frame.segments), (0, 0, 1), "no offload was negotiated");
    }
}

/// The next UDP datagram; the kernel also sends packets of its own accord.
fn receive(queues: &mut [TapQueue], poller: &mut Poller) -> Frame {
    let deadline = Instant::now() + Duration::from_secs(5);
    let (mut ready, mut frame) = (Vec::new(), Frame::default());
    while Instant::now() < deadline {
        poller.wait(&mut ready, Some(100)).unwrap();
        for n in &ready {
            while queues[*n as usize].read(&mut frame).unwrap() {
                if is_ours(&frame) {
                    return frame;
                }
            }
        }
    }
    panic!("no datagram came");
}

fn is_ours(frame: &Frame) -> bool {
    frame.bytes().get(12..14) == Some(&[8, 0]) && frame.bytes().get(23) == Some(&17)
}

fn to_the_kernel(queues: &mut [TapQueue], socket: &UdpSocket) {
    let mut buffer = [0; 10_000];
    for queue in queues.iter_mut() {
        assert!(queue.write(&datagram(b"hello", false)).unwrap());
        assert_eq!(socket.recv(&mut buffer).unwrap(), 5);
        assert_eq!(&buffer[..5], b"hello");
        // The kernel takes our word for an unfinished checksum.
        assert!(queue.write(&datagram(&[9; 8000], true)).unwrap());
        assert_eq!(socket.recv(&mut buffer).unwrap(), 8000);
    }
    // The same bytes without that word have a wrong checksum, and the kernel refuses them.
    let mut wrong = datagram(b"wrong", true);
    wrong.flags = 0;
    assert!(queues[0].write(&wrong).unwrap());
    assert!(queues[0].write(&datagram(b"right", false)).unwrap());
    assert_eq!(socket.recv(&mut buffer).unwrap(), 5);
    assert_eq!(&buffer[..5], b"right");
    assert!(queues[0].write(&Frame::from_bytes(&[0; 13])).is_err(), "less than an Ethernet header");
}

/// A UDP datagram from our side: without checksum, or with an unfinished one.
fn datagram(payload: &[u8], unfinished: bool) -> Frame {
    let udp = 8 + payload.len() as u16;
    let mut bytes = [KERNEL_MAC.0, OUR_MAC.0].concat();
    bytes.extend([8, 0, 0x45, 0]);
    bytes.extend((20 + udp).to_be_bytes());
    bytes.extend([0, 0, 0, 0, 64, 17, 0, 0, 10, 9, 0, 1, 10, 9, 0, 2]);
    let sum = bytes[14..].chunks(2).map(|w| u32::from(u16::from_be_bytes([w[0], w[1]]))).sum::<u32>();
    let sum = !((sum & 0xffff) + (sum >> 16)) as u16;
    bytes[24..26].copy_from_slice(&sum.to_be_bytes());
    bytes.extend(9u16.to_be_bytes());
    bytes.extend(7000u16.to_be_bytes());
    bytes.extend(udp.to_be_bytes());
    let pseudo = 0x0a09 + 1 + 0x0a09 + 2 + 17 + udp;
    bytes.extend(if unfinished { pseudo } else { 0 }.to_be_bytes());
    bytes.extend(payload);
    let mut frame = Frame::from_bytes(&bytes);
    if unfinished {
        (frame.flags, frame.csum_start, frame.csum_offset) = (Frame::NEEDS_CSUM, 34, 6);
    }
    frame
}

fn what_is_not_read_is_counted(socket: &UdpSocket) {
    let before = tap::kernel_counters(NAME).unwrap();
    for _ in 0..2500 {
        socket.send_to(b"nobody reads", "10.9.0.1:9").unwrap();
    }
    let after = tap::kernel_counters(NAME).unwrap();
    // One socket is one flow, and one flow goes to one queue of a thousand.
    assert!(after.sent_dropped - before.sent_dropped >= 400, "{before:?} {after:?}");
}

fn longer_than_the_room(queues: &mut [TapQueue], socket: &UdpSocket) {
    let mut frame = Frame::default();
    for queue in queues.iter_mut() {
        while queue.read(&mut frame).unwrap() {}
        queue.set_room(100);
    }
    for (length, cut) in [(58, false), (59, true), (1000, true)] {
        socket.send_to(&vec![1; length], "10.9.0.1:9").unwrap();
        let deadline = Instant::now() + Duration::from_secs(5);
        while !is_ours(&frame) {
            assert!(Instant::now() < deadline, "no datagram came");
            queues.iter_mut().any(|q| q.read(&mut frame).unwrap());
        }
        assert_eq!((frame.len(), frame.flags & Frame::CUT != 0), (100, cut));
        frame.copy_from(&[]);
    }
    queues.iter_mut().for_each(|q| q.set_room(9216));
}

fn as_a_port(queues: Vec<TapQueue>, socket: &UdpSocket) {
    let pool = Pool::new(16, 9300);
    let mut ports: Vec<TapPort> = queues.into_iter().map(|q| TapPort::new(q, 3, pool.clone())).collect();
    let mut frames = Vec::new();
    for round in 0..20 {
        socket.send_to(&[round], "10.9.0.1:9").unwrap();
        let deadline = Instant::now() + Duration::from_secs(5);
        while frames.is_empty() {
            assert!(Instant::now() < deadline, "no datagram came");
            for port in &mut ports {
                port.recv(&mut frames, 8).unwrap();
            }
            let (keep, others) = frames.drain(..).partition(is_ours);
            frames = keep;
            others.into_iter().for_each(|f| pool.give(f));
        }
        let mut frame = frames.remove(0);
        assert_eq!((frame.port, frame.bytes()[42]), (3, round));
        let answer = datagram(&[round], false);
        frame.copy_from(answer.bytes());
        assert!(ports[0].send(frame).unwrap().is_done());
        assert_eq!(socket.recv(&mut [0; 9]).unwrap(), 1);
    }
    assert!((1..=8).contains(&pool.stocked()), "frames come back to the pool: {}", pool.stocked());
}
