//! The thread of one worker.

use super::lanes::{Egress, Lane, Lanes};
use super::{Fault, RING, Shared, lock, now_ns};
use crate::poll::Poller;
use crate::port::Pool;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::sync::mpsc::{Receiver, Sender};
use vpcd_dataplane::engine::{BATCH, Config, Counters, Handed, Worker};
use vpcd_dataplane::nat::Destinations;
use vpcd_dataplane::session::Usage;
use vpcd_dataplane::topology::{PortNo, Topology};
use vpcd_wire::Frame;

/// A sleeping worker looks at its dead flows this often.
const NAP_MS: u32 = 1000;
/// A worker that has a port which nothing announces looks at it this often.
const GLANCE_MS: u32 = 1;
/// Rounds without work before a worker sleeps.
const PATIENCE: u32 = 8;

/// What a worker is asked to do between two rounds. It answers to the sender that comes with it; who has gone does not want to know.
pub(super) enum Order {
    Plug(Lane, Sender<io::Result<()>>),
    Unplug(PortNo, Sender<Option<Lane>>),
    Report(Sender<(Counters, Usage)>),
}

pub(super) struct Runner {
    number: usize,
    worker: Worker,
    shared: Arc<Shared>,
    orders: Receiver<Order>,
    /// None while it sleeps: a worker never is the last to hold a topology.
    topology: Option<Arc<Topology>>,
    lanes: Lanes,
    poller: Poller,
    out: Egress,
    foreign: Vec<Handed>,
    clock: u64,
}

impl Runner {
    pub(super) fn new(
        number: usize,
        (config, destinations): (&Config, &Arc<Destinations>),
        shared: Arc<Shared>,
        orders: Receiver<Order>,
        poller: Poller,
        pool: Pool,
    ) -> Runner {
        Runner {
            number,
            worker: Worker::new(number, config, destinations),
            shared,
            orders,
            topology: None,
            lanes: Lanes::default(),
            poller,
            out: Egress { frames: Vec::with_capacity(2 * BATCH), pool },
            foreign: Vec::with_capacity(BATCH),
            clock: 0,
        }
    }

    pub(super) fn run(mut self) -> io::Result<Counters> {
        let mut ready = Vec::new();
        let mut frames = Vec::with_capacity(BATCH);
        let mut handed = Vec::with_capacity(RING);
        let mut idle = 0;
        while !self.shared.stop.load(Ordering::Relaxed) {
            let napped = idle > PATIENCE;
            self.wait(napped, &mut ready)?;
            self.obey();
            ready.extend_from_slice(self.lanes.unannounced());
            let mut worked = false;
            for &token in &ready {
                worked |= self.receive(token, &mut frames);
            }
            worked |= self.accept(&mut handed);
            if napped && !worked {
                self.worker.rest(now_ns(), RING);
                self.worker.expire(now_ns(), &mut self.out);
            }
            idle = if worked { 0 } else { idle + 1 };
        }
        Ok(self.worker.counters())
    }

    /// Looks for readable queues; `nap`: sleeps until there is one, or somebody calls. Awake afterwards, under the latest topology.
    fn wait(&mut self, nap: bool, ready: &mut Vec<u32>) -> io::Result<()> {
        let mut timeout = 0;
        if nap {
            self.topology = None;
            self.shared.workers[self.number].turn.lie_down();
            // What was handed over before that woke nobody.
            let waiting = self.shared.rings.iter().any(|from| !from[self.number].is_empty());
            timeout = match self.lanes.unannounced() {
                _ if waiting => 0,
                [] => NAP_MS,
                _ => GLANCE_MS,
            };
        }
        let outcome = self.poller.wait(ready, Some(timeout));
        if nap {
            self.shared.workers[self.number].turn.get_up();
        }
        self.look_up();
        outcome.map(|_| ()).map_err(io::Error::other)
    }

    /// Takes the latest topology and says so. Called between batches only: what was judged under the former has left.
    fn look_up(&mut self) {
        let latest = self.shared.published.latest();
        if self.topology.as_ref().is_none_or(|t| t.generation < latest) {
            let topology = self.shared.topology.load_full();
            let generation = topology.generation;
            self.topology = Some(topology);
            self.shared.workers[self.number].turn.see(generation);
        }
    }

    fn obey(&mut self) {
        while let Ok(order) = self.orders.try_recv() {
            match order {
                Order::Plug(lane, answer) => {
                    let _ = answer.send(self.lanes.plug(lane, &self.poller).map_err(io::Error::other));
                }
                Order::Unplug(port, answer) => {
                    let _ = answer.send(self.lanes.unplug(port, &self.poller));
                }
                Order::Report(answer) => {
                    let _ = answer.send((self.worker.counters(), self.worker.usage()));
                }
            }
        }
    }

    /// Takes a portion of a port: as much as it has a right to, and no more than finds room wherever it goes. Who has handed frames to a worker
    /// that is behind with its work waits until that one has caught up: so first packets do not fill a ring that others need, and what has
    /// to wait does so in front of its own port.
    fn receive(&mut self, token: u32, frames: &mut Vec<Frame>) -> bool {
        let (behind, room) = self.pressure();
        let Some(lane) = self.lanes.get(token) else { return false };
        let most = lane.ration.frames().min(room);
        if most == 0 || lane.waits_for & behind != 0 {
            return false;
        }
        let taken = match lane.port.recv(frames, most) {
            Ok(0) => return false,
            Ok(taken) => taken,
            Err(error) => {
                let port = lane.number;
                self.lanes.deafen(token, &self.poller);
                self.report(port, &error);
                return false;
            }
        };
        if !lane.stamped {
            self.clock = self.clock.max(now_ns());
            frames.iter_mut().for_each(|f| f.ts = self.clock);
        }
        self.look_up();
        let Some(topology) = &self.topology else { return false };
        let foreign = &mut self.foreign;
        let walks = self.worker.walks();
        self.worker.receive(topology, frames, &mut self.out, &mut |h| foreign.push(h));
        let walks = self.worker.walks() - walks;
        let (late, waits_for) = self.send_off(behind);
        if let Some(lane) = self.lanes.get(token) {
            lane.ration.spent(taken, walks + late);
            lane.waits_for = waits_for;
        }
        true
    }

    /// Runs what other workers handed over.
    fn accept(&mut self, handed: &mut Vec<Handed>) -> bool {
        for from in &self.shared.rings {
            handed.extend(std::iter::from_fn(|| from[self.number].pop()).take(RING));
        }
        self.look_up();
        let Some(topology) = &self.topology else { return false };
        if handed.is_empty() {
            return false;
        }
        let foreign = &mut self.foreign;
        self.worker.accept(topology, handed, &mut self.out, &mut |h| foreign.push(h));
        self.send_off(0);
        true
    }

    /// Workers that have much of ours before them, a bit each, and how many frames every one still takes. Only we fill these rings.
    fn pressure(&self) -> (u64, usize) {
        let others = self.shared.rings[self.number].iter().enumerate().filter(|(to, _)| *to != self.number);
        others.fold((0, RING), |(behind, room), (to, ring)| {
            let waiting = ring.len();
            (behind | u64::from(waiting > RING / 4) << to, room.min(RING - waiting))
        })
    }

    /// Sends what came out, and hands over what is not ours. Answers how many were for workers that are `behind`, who count as if they had
    /// walked here, and for which.
    fn send_off(&mut self, behind: u64) -> (u64, u64) {
        let rings = &self.shared.rings[self.number];
        let count = rings.len();
        let (mut given, mut late) = (0u64, 0);
        for handed in self.foreign.drain(..) {
            let to = usize::from(handed.shard) % count;
            late += behind >> to & 1;
            match rings[to].push(handed) {
                Ok(()) => given |= 1 << to,
                Err(handed) => self.worker.hand_off_failed(handed, &mut self.out),
            }
        }
        let waits_for = given & behind;
        while given != 0 {
            let to = &self.shared.workers[given.trailing_zeros() as usize];
            if to.turn.must_be_woken() {
                to.waker.wake();
            }
            given &= given - 1;
        }
        let mut frames = std::mem::take(&mut self.out.frames);
        for (egress, frame) in frames.drain(..) {
            let (length, port) = (frame.len(), frame.port);
            let (back, recorded) = self.lanes.send(egress, frame);
            if let Some(mut back) = back {
                back.port = port;
                self.worker.unsent(egress, length, back, &mut self.out);
            }
            if let Err(error) = recorded {
                self.report(egress, &error);
            }
        }
        self.out.frames = frames;
        (late, waits_for)
    }

    /// Notes what is wrong with a port. Its first trouble counts: the others follow from it.
    #[cold]
    fn report(&self, port: PortNo, error: &io::Error) {
        let mut faults = lock(&self.shared.faults);
        if faults.iter().all(|f| f.port != port) {
            faults.push(Fault { port, error: error.to_string() });
        }
    }
}

impl Drop for Runner {
    /// Whatever it ends by, no publisher waits for it any more.
    fn drop(&mut self) {
        self.topology = None;
        self.shared.workers[self.number].turn.lie_down();
    }
}
