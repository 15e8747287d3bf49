//! What a worker has of each port.

use super::Capture;
use crate::poll::{PollError, Poller};
use crate::port::{Pool, Port, Sent, write_finished};
use std::io;
use std::sync::PoisonError;
use vpcd_dataplane::engine::{Ration, Sink};
use vpcd_dataplane::pipeline::{Deps, Verdict};
use vpcd_dataplane::topology::PortNo;
use vpcd_wire::Frame;

/// One worker's queue of a port.
pub(super) struct Lane {
    pub(super) number: PortNo,
    pub(super) port: Box<dyn Port + Send>,
    /// Its frames come with a time of their own.
    pub(super) stamped: bool,
    /// What was sent to it is written here too.
    pub(super) output: Option<Capture>,
    /// Frames to take of it at once.
    pub(super) ration: Ration,
    /// Workers, a bit each, that were behind with their work when its last frames were handed to them: it waits for these.
    pub(super) waits_for: u64,
}

/// A worker's queues, by the token that the poller has for them, and where each port's is.
#[derive(Default)]
pub(super) struct Lanes {
    /// Empty where a port was unplugged: the next one gets its token. An event of the former that was already reported makes somebody look in vain, no more.
    list: Vec<Option<Lane>>,
    by_port: Vec<Option<u32>>,
    /// Tokens of queues that no poller can watch.
    unannounced: Vec<u32>,
    scratch: Frame,
}

impl Lanes {
    /// Its port must not be plugged in.
    pub(super) fn plug(&mut self, lane: Lane, poller: &Poller) -> Result<(), PollError> {
        let free = self.list.iter().position(Option::is_none).unwrap_or(self.list.len());
        let (token, number) = (free as u32, lane.number as usize);
        if let Some(fd) = lane.port.fd() {
            poller.add(fd, token)?;
        }
        if lane.port.unannounced() {
            self.unannounced.push(token);
        }
        if self.by_port.len() <= number {
            self.by_port.resize(number + 1, None);
        }
        self.by_port[number] = Some(token);
        if free == self.list.len() {
            self.list.push(None);
        }
        self.list[free] = Some(lane);
        Ok(())
    }

    pub(super) fn unplug(&mut self, port: PortNo, poller: &Poller) -> Option<Lane> {
        let token = self.by_port.get_mut(port as usize)?.take()?;
        self.deafen(token, poller);
        self.list.get_mut(token as usize)?.take()
    }

    /// Nothing is received from this queue any more.
    pub(super) fn deafen(&mut self, token: u32, poller: &Poller) {
        self.unannounced.retain(|&t| t != token);
        if let Some(fd) = self.get(token).and_then(|lane| lane.port.fd()) {
            // Closing is not enough while another handle of the same file is open. The only way to fail is not to be watched.
            let _ = poller.remove(fd);
        }
    }

    pub(super) fn get(&mut self, token: u32) -> Option<&mut Lane> {
        self.list.get_mut(token as usize)?.as_mut()
    }

    pub(super) fn unannounced(&self) -> &[u32] {
        &self.unannounced
    }

    /// The frame comes back if its port does not take it. An error is one of the recording, which ends with it.
    pub(super) fn send(&mut self, egress: PortNo, frame: Frame) -> (Option<Frame>, io::Result<()>) {
        let token = self.by_port.get(egress as usize).copied().flatten();
        let Some(lane) = token.and_then(|t| self.list.get_mut(t as usize)?.as_mut()) else {
            return (Some(frame), Ok(()));
        };
        let mut recorded = Ok(());
        if let Some(output) = &lane.output {
            let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
            recorded = write_finished(&mut output, &frame, &mut self.scratch, None).map_err(io::Error::other);
        }
        if recorded.is_err() {
            lane.output = None;
        }
        let back = match lane.port.send(frame) {
            Ok(Sent::Full(frame)) => Some(frame),
            Ok(Sent::Done) => None,
            // The device is down: as good as full.
            Err(_) => Some(Frame::default()),
        };
        (back, recorded)
    }
}

/// Frames on their way out, and those that ended on their way home.
pub(super) struct Egress {
    pub(super) frames: Vec<(PortNo, Frame)>,
    pub(super) pool: Pool,
}

impl Sink for Egress {
    const WAY: bool = false;
    fn forward(&mut self, port: PortNo, frame: Frame, _: Option<&Deps>) {
        self.frames.push((port, frame));
    }
    fn send(&mut self, port: PortNo, piece: Frame) {
        self.frames.push((port, piece));
    }
    fn originate(&mut self, port: PortNo, answer: &Frame, cause: &Frame) {
        let mut frame = self.pool.take();
        frame.copy_from(answer.bytes());
        (frame.port, frame.ts) = (cause.port, cause.ts);
        self.frames.push((port, frame));
    }
    fn done(&mut self, frame: Frame, _: Verdict, _: Option<&Deps>) {
        self.pool.give(frame);
    }
}
