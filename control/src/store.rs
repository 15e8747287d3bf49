//! What survives: the records of a Region in an embedded, transactional store.
//!
//! A store holds records by kind and id ([`Record`]). One commit is one transaction: after a crash at any moment it is there whole or
//! not at all, and it is there if it was acknowledged. The format has a version; [`Redb::open`] brings older ones up to date,
//! and refuses newer ones.

use crate::model::Record;
use redb::{Database, ReadableDatabase, ReadableTable, TableDefinition};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What makes a Region's changes last.
pub trait Store: Send {
    /// All records, kind and value.
    fn load(&self) -> Result<Vec<(String, Vec<u8>)>, StoreError>;
    /// Writes records, or removes those without a value; when it returns, they are safe.
    fn commit(&mut self, records: &[Record]) -> Result<(), StoreError>;
}

/// Why a store cannot serve.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    #[error("{}: {source}", path.display())]
    Directory { path: PathBuf, source: std::io::Error },
    #[error("{}: another vpcd serves this state: end it first, or give another directory", .0.display())]
    Locked(PathBuf),
    #[error(
        "{}: written by a newer vpcd (format {found}, this one knows up to {FORMAT}): use that one, or another directory",
        path.display()
    )]
    Newer { path: PathBuf, found: u64 },
    #[error("the store: {0}")]
    Database(Box<redb::Error>),
}

/// Version of the stored format. What a later one needs to read this one is a step in [`migrate`].
const FORMAT: u64 = 1;

/// `REGION/KIND/ID` -> JSON.
const RECORDS: TableDefinition<'_, &str, &[u8]> = TableDefinition::new("records");
/// `format` -> version.
const ABOUT: TableDefinition<'_, &str, u64> = TableDefinition::new("about");

/// A store in `DIR/state.redb`.
#[derive(Clone)]
pub struct Redb {
    database: Arc<Database>,
    region: String,
}

impl Redb {
    /// Opens or makes the store in a directory, for one Region.
    pub fn open(dir: &Path, region: &str) -> Result<Redb, StoreError> {
        let failed = |source| StoreError::Directory { path: dir.into(), source };
        fs::create_dir_all(dir).map_err(failed)?;
        let path = dir.join("state.redb");
        let database = match Database::create(&path) {
            Err(redb::DatabaseError::DatabaseAlreadyOpen) => return Err(StoreError::Locked(path)),
            other => other.map_err(database_error)?,
        };
        let write = database.begin_write().map_err(database_error)?;
        {
            let mut about = write.open_table(ABOUT).map_err(database_error)?;
            let found = about.get("format").map_err(database_error)?.map(|v| v.value());
            match found {
                Some(found) if found > FORMAT => return Err(StoreError::Newer { path, found }),
                Some(found) => migrate(found),
                None => {}
            }
            about.insert("format", FORMAT).map_err(database_error)?;
            write.open_table(RECORDS).map_err(database_error)?;
        }
        write.commit().map_err(database_error)?;
        Ok(Redb { database: Arc::new(database), region: region.into() })
    }

    /// The same store for another Region.
    pub fn region(&self, region: &str) -> Redb {
        Redb { database: Arc::clone(&self.database), region: region.into() }
    }
}

/// Brings stored records up to date, one version after the other.
fn migrate(_from: u64) {
    // Format 1 is the first.
}

impl Store for Redb {
    fn load(&self) -> Result<Vec<(String, Vec<u8>)>, StoreError> {
        let read = self.database.begin_read().map_err(database_error)?;
        let records = read.open_table(RECORDS).map_err(database_error)?;
        let prefix = format!("{}/", self.region);
        let mut out = Vec::new();
        for entry in records.range(prefix.as_str()..).map_err(database_error)? {
            let (key, value) = entry.map_err(database_error)?;
            let Some(rest) = key.value().strip_prefix(&prefix) else { break };
            let kind = rest.split_once('/').map_or(rest, |(kind, _)| kind);
            out.push((kind.to_string(), value.value().to_vec()));
        }
        Ok(out)
    }

    fn commit(&mut self, changes: &[Record]) -> Result<(), StoreError> {
        let write = self.database.begin_write().map_err(database_error)?;
        {
            let mut records = write.open_table(RECORDS).map_err(database_error)?;
            for r in changes {
                let key = format!("{}/{}/{}", self.region, r.kind, r.id);
                match &r.value {
                    Some(value) => records.insert(key.as_str(), value.as_slice()).map_err(database_error)?,
                    None => records.remove(key.as_str()).map_err(database_error)?,
                };
            }
        }
        write.commit().map_err(database_error)
    }
}

fn database_error(e: impl Into<redb::Error>) -> StoreError {
    StoreError::Database(Box::new(e.into()))
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Dir(PathBuf);
    impl Dir {
        fn new(name: &str) -> Dir {
            let dir = std::env::temp_dir().join(format!("vpcd-store-{name}-{}", std::process::id()));
            let _ = fs::remove_dir_all(&dir);
            Dir(dir)
        }
    }
    impl Drop for Dir {
        fn drop(&mut self) {
            let _ = fs::remove_dir_all(&self.0);
        }
    }

    fn record(kind: &'static str, id: &str, value: Option<&str>) -> Record {
        Record { kind, id: id.into(), value: value.map(|v| v.into()) }
    }

    fn loaded(store: &Redb) -> Vec<(String, String)> {
        let text = |v| String::from_utf8(v).unwrap();
        store.load().unwrap().into_iter().map(|(k, v)| (k, text(v))).collect()
    }

    #[test]
    fn records_come_back_and_regions_do_not_mix() {
        let dir = Dir::new("back");
        let mut east = Redb::open(&dir.0, "us-east-1").unwrap();
        let mut west = east.region("us-west-2");
        east.commit(&[record("vpc", "vpc-1", Some("a")), record("vpc", "vpc-2", Some("b"))]).unwrap();
        west.commit(&[record("vpc", "vpc-3", Some("c"))]).unwrap();
        east.commit(&[record("vpc", "vpc-1", None), record("subnet", "s", Some("d"))]).unwrap();
        drop((east, west));
        let east = Redb::open(&dir.0, "us-east-1").unwrap();
        assert_eq!(loaded(&east), [("subnet".into(), "d".into()), ("vpc".into(), "b".into())]);
        assert_eq!(loaded(&east.region("us-west-2")), [("vpc".into(), "c".into())]);
    }

    #[test]
    fn one_server_has_it_and_newer_formats_are_refused() {
        let dir = Dir::new("lock");
        let first = Redb::open(&dir.0, "r").unwrap();
        assert!(matches!(Redb::open(&dir.0, "r"), Err(StoreError::Locked(_))));
        let write = first.database.begin_write().unwrap();
        write.open_table(ABOUT).unwrap().insert("format", FORMAT + 1).unwrap();
        write.commit().unwrap();
        drop(first);
        let refused = Redb::open(&dir.0, "r").err().unwrap().to_string();
        assert!(refused.contains("written by a newer vpcd (format 2, this one knows up to 1)"), "{refused}");
    }

    #[test]
    fn a_model_survives_as_records() {
        let dir = Dir::new("model");
        let mut store = Redb::open(&dir.0, "us-east-1").unwrap();
        let template =
            crate::template::load(include_str!("../../docs/examples/nat.yaml"), "nat.yaml", &Default::default())
                .unwrap();
        let mut model = template.model;
        store.commit(&model.records()).unwrap();
        model.settle();
        let all = store.load().unwrap();
        let back = crate::model::Model::restore(all.iter().map(|(k, v)| (k.as_str(), v.as_slice()))).unwrap();
        assert_eq!(back.records(), model.records());
        assert!(!back.unsettled());
        // What follows from the records follows again.
        let next = |mut m: crate::model::Model| {
            let subnet = m.subnets().iter().next().unwrap().id.clone();
            let eni = m
                .create_network_interface(crate::model::CreateNetworkInterface { subnet, ..Default::default() })
                .unwrap();
            m.interfaces().get(&eni).cloned().unwrap()
        };
        assert_eq!(next(back), next(model));
    }
}
