//! What can be plugged in.

use super::Capture;
use crate::packet::PacketQueue;
use crate::player::Player;
use crate::port::{DevicePort, Pool, Port, Recorder, StrictClock};
use crate::tap::TapQueue;
use vpcd_dataplane::topology::PortNo;

/// A port to run: what it is for each worker.
pub struct LivePort {
    pub port: PortNo,
    /// Names its recordings.
    pub name: String,
    /// One for each worker. A device that has fewer queues gives the others handles that only write.
    pub queues: Vec<Queue>,
}

/// One worker's end of a port.
pub enum Queue {
    /// A TAP device, made by us ([`crate::tap::Tap::create`]) or by somebody else ([`crate::tap::Tap::attach`]).
    Tap(TapQueue),
    /// An interface of the host.
    Packet(PacketQueue),
    /// A capture that is played in, and another that is written.
    Capture(Player),
    /// Anything else. It must set the port of its frames itself.
    Other(Box<dyn Port + Send>),
}

impl LivePort {
    /// All queues of one kind.
    pub fn new<Q: Into<Queue>>(port: PortNo, name: impl Into<String>, queues: Vec<Q>) -> LivePort {
        LivePort { port, name: name.into(), queues: queues.into_iter().map(Into::into).collect() }
    }
}

impl Queue {
    /// The capture that it writes, to be flushed when it goes.
    pub(super) fn output(&self) -> Option<Capture> {
        match self {
            Queue::Capture(player) => player.output(),
            _ => None,
        }
    }

    /// The port, its frames from the pool of the worker that it is for; recorded if asked for.
    pub(super) fn open(
        self,
        port: PortNo,
        pool: &Pool,
        record: Option<(Capture, &StrictClock)>,
    ) -> Box<dyn Port + Send> {
        match self {
            Queue::Tap(tap) => recorded(DevicePort::new(tap, port, pool.clone()), record),
            Queue::Packet(packet) => recorded(DevicePort::new(packet, port, pool.clone()), record),
            Queue::Capture(player) => recorded(DevicePort::new(player, port, pool.clone()), record),
            Queue::Other(other) if record.is_none() => other,
            Queue::Other(other) => recorded(other, record),
        }
    }
}

fn recorded<P: Port + Send + 'static>(port: P, record: Option<(Capture, &StrictClock)>) -> Box<dyn Port + Send> {
    match record {
        Some((capture, clock)) => Box::new(Recorder::new(port, capture, clock.clone(), super::now_ns)),
        None => Box::new(port),
    }
}

impl From<TapQueue> for Queue {
    fn from(queue: TapQueue) -> Queue {
        Queue::Tap(queue)
    }
}

impl From<PacketQueue> for Queue {
    fn from(queue: PacketQueue) -> Queue {
        Queue::Packet(queue)
    }
}

impl From<Player> for Queue {
    fn from(player: Player) -> Queue {
        Queue::Capture(player)
    }
}

impl From<Box<dyn Port + Send>> for Queue {
    fn from(port: Box<dyn Port + Send>) -> Queue {
        Queue::Other(port)
    }
}
