//! The captures of a replay as one stream of frames in order of time.
//!
//! Every capture is read twice: once to count its records, to find out whether their times only grow, and to refuse what cannot be
//! replayed before anything is written; then as it is used. Captures in order are merged as streams and cost one record of memory
//! each; one that is not in order (or cannot be read twice) is kept in memory and sorted.

use super::host::{Exchange, Side};
use crate::ports;
use crate::report::{Failure, Outcome};
use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use vpcd_control::template::{PortInfo, Stack};
use vpcd_io::capture::{Fault, Reader, Record, to_ethernet};
use vpcd_wire::Frame;

/// More captures than this are kept in memory, so that files stay below what a process may have open.
const MOST_OPEN: usize = 256;

/// One `--in`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Spec {
    /// As the user wrote it.
    pub port: String,
    pub file: PathBuf,
    pub host: Option<IpAddr>,
}

impl FromStr for Spec {
    type Err = String;

    fn from_str(text: &str) -> Result<Spec, String> {
        let (port, rest) = text.split_once('=').ok_or("must be PORT=FILE or PORT=FILE,host=ADDR")?;
        let (file, host) = match rest.rsplit_once(",host=") {
            Some((file, host)) => (file, Some(host.parse().map_err(|_| format!("{host:?} is not an IP address"))?)),
            None => (rest, None),
        };
        if port.is_empty() || file.is_empty() {
            return Err("must be PORT=FILE or PORT=FILE,host=ADDR".into());
        }
        if host.is_some() && port == ports::INTERNET_NAME {
            return Err("host= puts a host in the place of an instance or interface, not of the internet".into());
        }
        Ok(Spec { port: port.into(), file: file.into(), host })
    }
}

impl Spec {
    /// The exchange of addresses that `host=` asks for.
    pub fn exchange(&self, stack: &Stack) -> Outcome<Option<Exchange>> {
        let (Some(host), Some(port)) = (self.host, ports::find(stack, &self.port)?) else { return Ok(None) };
        let (inside, outside) = match host {
            IpAddr::V4(_) => (port.private.first().map(|a| IpAddr::V4(*a)), port.primary_public().map(IpAddr::V4)),
            IpAddr::V6(_) => {
                let address = port.ipv6.first().map(|a| IpAddr::V6(*a));
                (address, address)
            }
        };
        let Some(inside) = inside else {
            return Err(Failure::user(format_args!(
                "{} has no IPv6 address that could stand for host={host}",
                PortInfo::name(port)
            )));
        };
        Ok(Some(Exchange::new(host, inside, outside)))
    }
}

/// What the first reading of all captures found.
#[derive(Clone, Debug, Default)]
pub struct Survey {
    pub frames: u64,
    /// Seed that a recording left in the first capture that has one.
    pub seed: Option<u64>,
    /// Digest of the template that a recording was made with, likewise.
    pub template: Option<String>,
    /// What is odd, but no reason to stop.
    pub warnings: Vec<String>,
}

/// All captures, merged.
pub struct Frames {
    sources: Vec<Source>,
    /// (time, number of the capture) of the next record of each: ties go to the capture named first.
    next: BinaryHeap<Reverse<(u64, usize)>>,
}

struct Source {
    records: Records,
    current: Record,
    exchange: Option<Exchange>,
}

enum Records {
    /// The reader, and how many records are left that can be read.
    Stream(Box<Reader>, u64),
    Kept(std::vec::IntoIter<Record>),
}

/// A frame that was read: which capture it is of and, with `host=`, where it belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Origin {
    /// Number of the `--in`.
    pub input: usize,
    /// With `host=`.
    pub side: Option<Side>,
}

impl Frames {
    /// Looks through the captures and gets them ready.
    pub fn open(specs: &[Spec], stack: &Stack) -> Outcome<(Frames, Survey)> {
        let mut survey = Survey::default();
        let mut frames = Frames { sources: Vec::new(), next: BinaryHeap::new() };
        for (i, spec) in specs.iter().enumerate() {
            let exchange = spec.exchange(stack)?;
            let records = look_through(&spec.file, specs.len() > MOST_OPEN, &mut survey)?;
            frames.sources.push(Source { records, current: Record::default(), exchange });
            frames.advance(i)?;
        }
        Ok((frames, survey))
    }

    /// Puts the next frame and its time into `frame`.
    pub fn next_into(&mut self, frame: &mut Frame) -> Outcome<Option<Origin>> {
        let Some(Reverse((_, input))) = self.next.pop() else { return Ok(None) };
        let Some(source) = self.sources.get(input) else { return Ok(None) };
        to_ethernet(&source.current, frame).map_err(Failure::user)?;
        let side = source.exchange.map(|e| e.apply(frame));
        self.advance(input)?;
        Ok(Some(Origin { input, side }))
    }

    fn advance(&mut self, input: usize) -> Outcome {
        let Some(source) = self.sources.get_mut(input) else { return Ok(()) };
        let more = match &mut source.records {
            Records::Stream(_, 0) => false,
            Records::Stream(reader, left) => {
                *left -= 1;
                reader.read_into(&mut source.current)?
            }
            Records::Kept(records) => match records.next() {
                Some(record) => {
                    source.current = record;
                    true
                }
                None => false,
            },
        };
        if more {
            self.next.push(Reverse((source.current.ts, input)));
        }
        Ok(())
    }
}

/// First reading of one capture.
fn look_through(file: &Path, keep: bool, survey: &mut Survey) -> Outcome<Records> {
    let twice = std::fs::metadata(file).is_ok_and(|m| m.is_file());
    let mut reader = Reader::open(file)?;
    if survey.seed.is_none() {
        survey.seed = reader.section_value("seed").and_then(|s| s.parse().ok());
    }
    if survey.template.is_none() {
        survey.template = reader.section_value("template").map(str::to_owned);
    }
    let (mut count, mut latest, mut sorted, mut link) = (0, 0, true, None);
    let (mut record, mut frame, mut kept) = (Record::default(), Frame::default(), Vec::new());
    loop {
        match reader.read_into(&mut record) {
            Ok(true) => {}
            Ok(false) => break,
            // A recording that was interrupted: what came before is good.
            Err(e) if matches!(e.fault(), Some(Fault::Truncated(_))) => {
                survey.warnings.push(format!("{e}: only the frames before it ({count}) are replayed"));
                break;
            }
            Err(e) => return Err(e.into()),
        }
        if link != Some(record.linktype) {
            let wrong = |e| Failure::user(format_args!("{}: frame {count}: {e}", file.display()));
            to_ethernet(&record, &mut frame).map_err(wrong)?;
            link = Some(record.linktype);
        }
        sorted &= record.ts >= latest;
        latest = record.ts;
        count += 1;
        if !twice || keep {
            kept.push(std::mem::take(&mut record));
        }
    }
    survey.frames += count;
    if twice && !keep && sorted {
        return Ok(Records::Stream(Box::new(Reader::open(file)?), count));
    }
    if twice && !keep {
        kept = Reader::open(file)?.take(count as usize).collect::<Result<_, _>>()?;
    }
    // Stable: frames of one time stay in the order of the file.
    kept.sort_by_key(|r| r.ts);
    Ok(Records::Kept(kept.into_iter()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn specs_name_port_file_and_host() {
        let spec = |port: &str, file: &str, host: Option<&str>| Spec {
            port: port.into(),
            file: file.into(),
            host: host.map(|h| h.parse().unwrap()),
        };
        assert_eq!("Web=a.pcap".parse(), Ok(spec("Web", "a.pcap", None)));
        assert_eq!("Web=a,b=c.pcap,host=10.0.0.1".parse(), Ok(spec("Web", "a,b=c.pcap", Some("10.0.0.1"))));
        assert_eq!("Web=x,host=2001:db8::1".parse(), Ok(spec("Web", "x", Some("2001:db8::1"))));
        for bad in ["Web", "=a", "Web=", "Web=,host=10.0.0.1", "Web=a,host=ten", "internet=a,host=10.0.0.1"] {
            assert!(bad.parse::<Spec>().is_err(), "{bad}");
        }
    }
}
