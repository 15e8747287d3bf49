//! A Region in service: readers see one picture, changes go through one writer.
//!
//! A change is a function on a [`Model`]. The writer takes what is waiting as one batch, tries each change on a copy (refused:
//! the copy is thrown away, so nothing is ever half applied), writes what differs to the store, publishes it to the dataplane, and only
//! then answers: whoever holds an answer may send packets, or pull the plug. Readers load the picture and are never waited for.

use crate::model::{ApiError, Model, Result};
use crate::store::Store;
use arc_swap::ArcSwap;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};
use tokio::sync::oneshot;

/// Changes that share one write to the store and one publish.
const BATCH: usize = 256;

/// What makes packets obey a change. It returns when every packet that comes in does.
pub trait Publish: Send {
    /// `serial` is that of the [`Picture`] the model becomes.
    fn publish(&mut self, model: &Model, serial: u64);
}

/// A change: the answer's text, or the refusal.
pub type Change = Box<dyn FnOnce(&mut Model) -> Result<String> + Send>;

/// An answer and the number of the publish it came with; pictures with that number or a later one contain it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Answer {
    pub text: String,
    pub serial: u64,
}

/// A picture of a Region.
#[derive(Debug)]
pub struct Picture {
    pub model: Model,
    /// Rises with each publish.
    pub serial: u64,
}

/// What is in service.
#[derive(Debug)]
pub struct Region {
    current: Arc<ArcSwap<Picture>>,
    jobs: Option<Sender<Job>>,
    writer: Option<JoinHandle<()>>,
}

struct Job {
    change: Change,
    answer: oneshot::Sender<Result<Answer>>,
}

impl Region {
    /// Puts a model in service. It is published before this returns.
    pub fn open(
        mut model: Model,
        store: Option<Box<dyn Store>>,
        mut publish: Option<Box<dyn Publish>>,
    ) -> std::io::Result<Region> {
        if let Some(p) = &mut publish {
            p.publish(&model, 1);
        }
        model.settle();
        let first = Arc::new(Picture { model, serial: 1 });
        let current = Arc::new(ArcSwap::from(first));
        let mut writer = Writer { store, publish, current: Arc::clone(&current) };
        let (jobs, queue) = channel();
        let thread = std::thread::Builder::new().name("writer".into()).spawn(move || writer.run(&queue))?;
        Ok(Region { current, jobs: Some(jobs), writer: Some(thread) })
    }

    /// The picture in force.
    pub fn read(&self) -> Arc<Picture> {
        self.current.load_full()
    }

    /// Makes a change; the answer comes when it is safe and in force.
    pub async fn change(&self, change: Change) -> Result<Answer> {
        let (answer, outcome) = oneshot::channel();
        let sent = self.jobs.as_ref().is_some_and(|j| j.send(Job { change, answer }).is_ok());
        let gone = || ApiError::new("Unavailable", "The server is stopping.");
        if !sent {
            return Err(gone());
        }
        outcome.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Tries a change and throws the outcome away.
    pub fn rehearse(&self, change: Change) -> Result<()> {
        let mut trial = self.read().model.clone();
        trial.set_now(now_ms());
        change(&mut trial).map(|_| ())
    }
}

impl Drop for Region {
    /// Changes under way are finished.
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(writer) = self.writer.take() {
            // A writer that panicked has been reported by the panic itself.
            let _ = writer.join();
        }
    }
}

struct Writer {
    store: Option<Box<dyn Store>>,
    publish: Option<Box<dyn Publish>>,
    current: Arc<ArcSwap<Picture>>,
}

impl Writer {
    fn run(&mut self, queue: &Receiver<Job>) {
        while let Ok(first) = queue.recv() {
            let mut batch = vec![first];
            batch.extend(queue.try_iter().take(BATCH - 1));
            self.serve(batch);
        }
    }

    fn serve(&mut self, batch: Vec<Job>) {
        let before = self.current.load_full();
        let mut model = before.model.clone();
        let mut outcomes = Vec::with_capacity(batch.len());
        for job in batch {
            let mut trial = model.clone();
            trial.set_now(now_ms());
            let outcome = (job.change)(&mut trial);
            if outcome.is_ok() {
                model = trial;
            }
            outcomes.push((job.answer, outcome));
        }
        let mut serial = before.serial;
        if model.unsettled() {
            let saved = self.store.as_mut().map_or(Ok(()), |s| s.commit(&model.changes()));
            if let Err(e) = saved {
                let refusal = ApiError::new("InternalError", format!("The change could not be stored: {e}"));
                for (answer, _) in outcomes {
                    let _ = answer.send(Err(refusal.clone()));
                }
                return;
            }
            if let Some(p) = &mut self.publish {
                p.publish(&model, serial + 1);
            }
            model.settle();
            serial += 1;
            self.current.store(Arc::new(Picture { model, serial }));
        }
        for (answer, outcome) in outcomes {
            // Who does not wait any more is not told.
            let _ = answer.send(outcome.map(|text| Answer { text, serial }));
        }
    }
}

/// Milliseconds of the Unix epoch.
pub fn now_ms() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_millis() as u64)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{CreateVpc, Record};
    use crate::store::StoreError;
    use std::sync::Mutex;

    type Log = Arc<Mutex<Vec<String>>>;

    struct Witness(Log, bool);
    impl Store for Witness {
        fn load(&self) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
            Ok(Vec::new())
        }
        fn commit(&mut self, records: &[Record]) -> Result<(), StoreError> {
            if self.1 {
                return Err(StoreError::Directory {
                    path: "state".into(),
                    source: std::io::ErrorKind::StorageFull.into(),
                });
            }
            let kinds: Vec<&str> = records.iter().map(|r| r.kind).filter(|k| *k != "region").collect();
            self.0.lock().unwrap().push(format!("stored {}", kinds.join(" ")));
            Ok(())
        }
    }
    impl Publish for Witness {
        fn publish(&mut self, model: &Model, _: u64) {
            self.0.lock().unwrap().push(format!("published {}", model.vpcs().len()));
        }
    }

    fn vpc(net: &'static str) -> Change {
        Box::new(move |m| m.create_vpc(CreateVpc::new(net.parse().unwrap())))
    }

    fn wait<T>(f: impl Future<Output = T>) -> T {
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(f)
    }

    #[test]
    fn a_change_is_stored_then_published_then_answered() {
        let log = Log::default();
        let witness = || Box::new(Witness(Arc::clone(&log), false));
        let region = Region::open(Model::default(), Some(witness()), Some(witness())).unwrap();
        let answer = wait(region.change(vpc("10.0.0.0/16"))).unwrap();
        let picture = region.read();
        assert!(picture.model.vpcs().get(&answer.text).is_some());
        assert_eq!(picture.serial, answer.serial);
        let refused = wait(region.change(vpc("10.0.0.0/8"))).unwrap_err();
        assert_eq!(refused.code, "InvalidVpc.Range");
        let stored = "stored vpc route-table table-association security-group network-acl dhcp-options";
        assert_eq!(*log.lock().unwrap(), ["published 0", stored, "published 1"]);
    }

    #[test]
    fn what_cannot_be_stored_does_not_happen() {
        let log = Log::default();
        let region = Region::open(Model::default(), Some(Box::new(Witness(log, true))), None).unwrap();
        let refused = wait(region.change(vpc("10.0.0.0/16"))).unwrap_err();
        assert_eq!(refused.message, "The change could not be stored: state: no storage space");
        assert!(region.read().model.vpcs().is_empty());
    }

    #[test]
    fn a_rehearsal_changes_nothing() {
        let region = Region::open(Model::default(), None, None).unwrap();
        assert!(region.rehearse(vpc("10.0.0.0/16")).is_ok());
        assert!(region.rehearse(vpc("10.0.0.0/8")).is_err());
        assert!(region.read().model.vpcs().is_empty());
    }
}
