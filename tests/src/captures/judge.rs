//! One capture, two opinions.

use super::host::{Side, busiest, exchange, side};
use super::product::{Line, Product, Said, Sent};
use super::read::{self, Unusable};
use super::tally::Counts;
use super::world::Named;
use crate::model::{Kind, Model, Outcome, adopt_identification, show};
use std::collections::BTreeMap;
use std::net::IpAddr;
use std::path::Path;

/// Disagreements of one capture that are told in full; after the first, state has parted and more say little.
const TOLD: usize = 3;

/// What became of a capture.
#[derive(Debug)]
pub enum Judged {
    /// Left out: no capture, or a link type without IP. The product refused it, or the text says what it did instead.
    Refused { link: bool, wrong: Option<String> },
    /// Left out: no host with enough frames in it.
    NoHost,
    /// Replayed and compared.
    Done(Box<Report>),
}

/// Two opinions about one capture.
#[derive(Clone, Debug, Default)]
pub struct Report {
    pub frames: u64,
    pub not_mine: u64,
    /// Frames that one side has not ended.
    pub unaccounted: u64,
    pub product: Counts,
    pub model: Counts,
    pub disagreements: u64,
    /// The first of them.
    pub told: Vec<String>,
}

/// What every capture is judged with.
pub struct Bench<'a> {
    pub product: &'a Product,
    pub named: &'a Named,
    /// Number of the product's port in the model.
    pub port: u32,
    /// Least frames from or to the host.
    pub handful: usize,
}

/// An error that the product kept to itself, perhaps because it had told that port many (`docs/semantics.md`, section 9).
fn kept(line: &Line) -> Option<Outcome> {
    const ERRORS: [(&str, &str); 5] = [
        ("igw", "too-big"),
        ("eigw", "too-big"),
        ("vgw", "too-big"),
        ("natgw", "ttl-exceeded"),
        ("natgw", "no-binding"),
    ];
    let said = (line.stage.as_deref()?, line.reason.as_deref()?);
    let (stage, reason) = ERRORS.into_iter().find(|e| line.verdict == "drop" && *e == said)?;
    Some(Outcome { kind: Kind::Drop, stage: Some(stage), reason: Some(reason), at: None, out: Vec::new() })
}

impl Bench<'_> {
    /// Judges one capture; `dir` may be used for a while.
    pub fn judge(&self, capture: &Path, dir: &Path) -> Judged {
        let frames = match read::frames(capture) {
            Ok(frames) => frames,
            Err(why) => {
                let wrong = self.product.refuses(capture, dir).err();
                return Judged::Refused { link: matches!(why, Unusable::Link(_)), wrong };
            }
        };
        let Some((host, _)) = busiest(&frames).filter(|(_, n)| *n >= self.handful) else { return Judged::NoHost };
        let mut report = Report { frames: frames.len() as u64, ..Report::default() };
        match self.product.replay(capture, host, dir) {
            Ok(said) => {
                let expected = self.expect(&frames, host, &said.lines);
                self.compare(&frames, expected, said, &mut report);
            }
            Err(why) => {
                report.unaccounted = report.frames;
                report.disagree(why);
            }
        }
        for text in &mut report.told {
            *text = format!("host={host}: {text}");
        }
        Judged::Done(Box::new(report))
    }

    /// Every frame as it enters, and its end in the model, which is told what the product kept to itself and judges whether it might.
    fn expect(&self, frames: &[read::Frame], host: IpAddr, lines: &[Line]) -> Expected {
        let (inside, outside) = self.addresses(host);
        let mut model = Model::new(1024, 55_000);
        model.set_world(self.named.world.clone());
        let mut expected = Expected::default();
        for (n, f) in frames.iter().enumerate() {
            let n = n as u64;
            let (port, new) = match side(&f.bytes, host) {
                Side::Port => (self.port, inside),
                Side::Internet => (0, outside),
                Side::NotMine => {
                    expected.entered.push(None);
                    continue;
                }
            };
            let mut bytes = f.bytes.clone();
            exchange(&mut bytes, host, new);
            // A frame that the capture cut is truncated whatever is left of it, like one without anything.
            let judged = if f.cut { &[] } else { &bytes[..] };
            let kept = |n| kept(lines.get(n as usize)?);
            expected.ends.extend(model.frame(n, f.ts, port, judged, &kept));
            expected.entered.push(Some((port, bytes)));
        }
        expected.ends.extend(model.finish());
        expected.illegal = model.illegal;
        expected
    }

    /// The address that stands for the host's where it sends, and the one it has on the internet.
    fn addresses(&self, host: IpAddr) -> (IpAddr, IpAddr) {
        let (world, eni) = (&self.named.world, self.port as usize - 1);
        let inside = world.enis[eni].addresses.iter().copied().find(|a| a.is_ipv4() == host.is_ipv4());
        let inside = inside.expect("the port has an address of each family");
        match inside {
            IpAddr::V4(private) => {
                let public = world.public_of(world.vpc_of(eni), private);
                (inside, public.expect("the port has a public address").into())
            }
            IpAddr::V6(_) => (inside, inside),
        }
    }

    fn compare(&self, frames: &[read::Frame], mut expected: Expected, mut said: Said, report: &mut Report) {
        let mut sent = 0;
        for (n, (frame, entered)) in frames.iter().zip(&expected.entered).enumerate() {
            let (line, n) = (said.lines.get(n), n as u64);
            let left = said.sent.remove(&n).unwrap_or_default();
            sent += left.len() as u64;
            let ours = match entered {
                None => {
                    report.not_mine += 1;
                    Ok(None)
                }
                Some(_) => expected.ends.remove(&n).map(Some).ok_or("the model never ended it"),
            };
            let (line, ours) = match (line.ok_or("no verdict"), ours) {
                (Ok(line), Ok(ours)) => (line, ours),
                (Err(why), _) | (_, Err(why)) => {
                    report.unaccounted += 1;
                    report.disagree(format!("frame {n}: {why}"));
                    continue;
                }
            };
            if let Some(outcome) = &ours {
                report.model.add(&model_key(outcome));
            }
            if line.stage.as_deref() != Some("engine") || line.reason.as_deref() != Some("not-mine") {
                report.product.add(&product_key(line));
            }
            let port = entered.as_ref().map_or(self.port, |(port, _)| *port);
            if let Err(why) = self.same(frame.ts, port, ours.as_ref(), line, &left) {
                let hex = entered.as_ref().map_or_else(String::new, |(_, bytes)| show::hex(bytes));
                let text = ours.as_ref().map_or("not-mine".to_string(), |o| self.text(o));
                report.disagree(format!(
                    "frame {n}: {why}\n  in by {}, cut {}: {hex}\n  model:   {text}\n  product: {}",
                    self.named.port(port),
                    frame.cut,
                    product_text(line, &left)
                ));
            }
        }
        for (n, why) in expected.illegal {
            report.disagree(format!("frame {n}: {why}"));
        }
        let extra = said.lines.len().saturating_sub(frames.len());
        if extra > 0 || !said.sent.is_empty() || !expected.ends.is_empty() {
            report.unaccounted += (extra + said.sent.len() + expected.ends.len()) as u64;
            report.disagree("more verdicts or frames than went in".into());
        }
        if let Err(why) = conserved(&said.summary, report, sent) {
            report.disagree(why);
        }
    }

    /// Whether a line and the frames that left say what the model says; `None` of the model is not-mine.
    fn same(&self, ts: u64, port: u32, ours: Option<&Outcome>, line: &Line, left: &[Sent]) -> Result<(), String> {
        let not_mine =
            Outcome { kind: Kind::Drop, stage: Some("engine"), reason: Some("not-mine"), at: None, out: Vec::new() };
        let ours = ours.unwrap_or(&not_mine);
        let time = format!("{}.{:09}", ts / 1_000_000_000, ts % 1_000_000_000);
        let equal = |what: &str, model: Option<&str>, product: Option<&str>| match model == product {
            true => Ok(()),
            false => Err(format!(
                "{what}: the model says {}, the product {}",
                model.unwrap_or("null"),
                product.unwrap_or("null")
            )),
        };
        equal("port", Some(self.named.port(port)), Some(&line.port))?;
        equal("ts", Some(&time), Some(&line.ts))?;
        equal("verdict", Some(ours.kind.name()), Some(&line.verdict))?;
        equal("stage", ours.stage, line.stage.as_deref())?;
        equal("reason", ours.reason, line.reason.as_deref())?;
        equal("at", ours.at.map(|at| self.named.at(at)), line.at.as_deref())?;

        // Files keep the order of what left by one port, not across ports.
        let mut ports: Vec<&str> = ours.out.iter().map(|(p, _)| self.named.port(*p)).collect();
        ports.sort_unstable();
        let mut theirs: Vec<&str> = left.iter().map(|s| s.port.as_str()).collect();
        theirs.sort_unstable();
        equal("frames out", Some(&ports.join(" ")), Some(&theirs.join(" ")))?;
        ports.dedup();
        let mut named: Vec<&str> = line.out.iter().map(String::as_str).collect();
        named.sort_unstable();
        equal("out", Some(&ports.join(" ")), Some(&named.join(" ")))?;
        for port in ports {
            let model = ours.out.iter().filter(|(p, _)| self.named.port(*p) == port);
            let product = left.iter().filter(|s| s.port == port);
            for ((_, frame), sent) in model.zip(product) {
                let mut frame = frame.clone();
                if ours.kind == Kind::Reply {
                    // The identification of a packet that the fabric builds is its own choice.
                    adopt_identification(&mut frame, &sent.bytes);
                }
                if frame != sent.bytes {
                    let at = frame.iter().zip(&sent.bytes).position(|(a, b)| a != b);
                    return Err(format!(
                        "bytes differ from offset {}",
                        at.unwrap_or(frame.len().min(sent.bytes.len()))
                    ));
                }
                equal("time in the comment", Some(&time), Some(&sent.because_at))?;
            }
        }
        Ok(())
    }

    fn text(&self, o: &Outcome) -> String {
        let at = o.at.map_or("-", |at| self.named.at(at));
        let mut text = format!("{} at {at}", model_key(o));
        for (port, bytes) in &o.out {
            text += &format!("\n    {} {}", self.named.port(*port), show::hex(bytes));
        }
        text
    }
}

#[derive(Default)]
struct Expected {
    /// By which port of the model and how a frame enters; `None`: not at all.
    entered: Vec<Option<(u32, Vec<u8>)>>,
    ends: BTreeMap<u64, Outcome>,
    illegal: Vec<(u64, String)>,
}

impl Report {
    fn disagree(&mut self, text: String) {
        self.disagreements += 1;
        if self.told.len() < TOLD {
            self.told.push(text);
        }
    }
}

fn key(verdict: &str, stage: Option<&str>, reason: Option<&str>) -> String {
    match (stage, reason) {
        (None, None) => verdict.into(),
        _ => format!("{verdict} {}/{}", stage.unwrap_or("-"), reason.unwrap_or("-")),
    }
}

fn model_key(o: &Outcome) -> String {
    key(o.kind.name(), o.stage, o.reason)
}

fn product_key(l: &Line) -> String {
    key(&l.verdict, l.stage.as_deref(), l.reason.as_deref())
}

fn product_text(line: &Line, left: &[Sent]) -> String {
    let mut text = format!("{} at {}", product_key(line), line.at.as_deref().unwrap_or("-"));
    for s in left {
        text += &format!("\n    {} {}", s.port, show::hex(&s.bytes));
    }
    text
}

/// The product's own summary against what was found: every frame in one place, none twice.
fn conserved(summary: &serde_json::Value, report: &Report, sent: u64) -> Result<(), String> {
    let figure = |key: &str| summary[key].as_u64();
    let verdicts = ["forward", "reply", "punt", "drop"].map(|k| (k, report.model.starting(k)));
    let rest = [("frames", report.frames), ("not_mine", report.not_mine), ("sent", sent)];
    for (key, found) in verdicts.into_iter().chain(rest) {
        if figure(key) != Some(found) {
            return Err(format!("summary: {key} is {}, but {found} were found", summary[key]));
        }
    }
    match report.frames == report.not_mine + report.model.total() {
        true => Ok(()),
        false => Err("verdicts and not-mine frames do not add up to all frames".into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::captures::world;
    use serde_json::json;
    use std::path::PathBuf;

    /// What a lie is about, and how it is told.
    type Lie<'a> = (&'a str, &'a dyn Fn(&mut Said));

    /// What the program would say if it were of the model's opinion.
    fn agreeing(bench: &Bench<'_>, frames: &[read::Frame], host: IpAddr) -> Said {
        let expected = bench.expect(frames, host, &[]);
        let mut said = Said::default();
        let (mut not_mine, mut sent, mut counts) = (0, 0, Counts::default());
        for (n, (f, entered)) in frames.iter().zip(&expected.entered).enumerate() {
            let ts = format!("{}.{:09}", f.ts / 1_000_000_000, f.ts % 1_000_000_000);
            let name = |port: u32| bench.named.port(port).to_string();
            let line = |port, kind: Kind| Line {
                port: name(port),
                ts: ts.clone(),
                verdict: kind.name().into(),
                stage: None,
                at: None,
                reason: None,
                out: Vec::new(),
            };
            let Some((port, _)) = entered else {
                not_mine += 1;
                let (stage, reason) = (Some("engine".into()), Some("not-mine".into()));
                said.lines.push(Line { stage, reason, ..line(bench.port, Kind::Drop) });
                continue;
            };
            let o = &expected.ends[&(n as u64)];
            counts.add(&model_key(o));
            let left = o.out.iter().map(|(p, b)| Sent { port: name(*p), bytes: b.clone(), because_at: ts.clone() });
            sent += o.out.len();
            said.sent.insert(n as u64, left.collect());
            said.lines.push(Line {
                stage: o.stage.map(Into::into),
                reason: o.reason.map(Into::into),
                at: o.at.map(|at| bench.named.at(at).into()),
                out: o.out.iter().map(|(p, _)| name(*p)).collect(),
                ..line(*port, o.kind)
            });
        }
        let of = |k| counts.starting(k);
        said.summary = json!({ "frames": frames.len(), "not_mine": not_mine, "sent": sent, "forward": of("forward"),
            "reply": of("reply"), "punt": of("punt"), "drop": of("drop") });
        said
    }

    fn udp(src: [u8; 4], dst: [u8; 4]) -> Vec<u8> {
        let mut p = vec![0x45, 0, 0, 28, 0, 1, 0, 0, 64, 17, 0, 0];
        p.extend([src, dst].concat());
        let ck = crate::model::sum::of(&[&p]);
        p[10..12].copy_from_slice(&ck.to_be_bytes());
        [&[0; 12][..], &[8, 0], &p, &[0x30, 0x39, 0, 53, 0, 8, 0, 0]].concat()
    }

    #[test]
    fn every_lie_is_found() {
        let template = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/examples/open.yaml");
        let text = std::fs::read_to_string(template).unwrap();
        let stack = vpcd_control::template::load(&text, "open.yaml", &Default::default()).unwrap();
        let named = world::of(&stack);
        let port = (1..).find(|p| named.port(*p) == "Host").unwrap();
        let product = Product { vpcd: PathBuf::new(), template: PathBuf::new(), port: "Host".into(), workers: vec![1] };
        let bench = Bench { product: &product, named: &named, port, handful: 1 };

        let (host, far, other) = ([172, 16, 0, 1], [192, 0, 2, 77], [172, 16, 0, 2]);
        let mut bad = udp(far, host);
        bad[24] ^= 1;
        let all = [udp(host, far), udp(far, host), udp(other, far), bad];
        let frames: Vec<read::Frame> =
            all.into_iter().enumerate().map(|(i, bytes)| read::Frame { ts: i as u64, bytes, cut: false }).collect();
        let verdict = |change: &dyn Fn(&mut Said)| {
            let mut said = agreeing(&bench, &frames, host.into());
            change(&mut said);
            let mut report = Report { frames: frames.len() as u64, ..Report::default() };
            bench.compare(&frames, bench.expect(&frames, host.into(), &said.lines), said, &mut report);
            report
        };

        let honest = verdict(&|_| {});
        assert_eq!(
            (honest.disagreements, honest.not_mine, &honest.model),
            (0, 1, &honest.product),
            "{:?}",
            honest.told
        );
        assert_eq!((honest.model.starting("forward"), honest.model.starting("drop parse")), (2, 0));
        assert_eq!(honest.model.pairs().into_iter().collect::<Vec<_>>(), ["parse/header-checksum"]);

        let lies: [Lie<'_>; 14] = [
            ("port", &|s| s.lines[0].port = "internet".into()),
            ("time", &|s| s.lines[0].ts = "0.000000009".into()),
            ("verdict", &|s| s.lines[0].verdict = "reply".into()),
            ("stage", &|s| s.lines[3].stage = Some("route".into())),
            ("reason", &|s| s.lines[3].reason = Some("vlan".into())),
            ("at", &|s| s.lines[3].at = None),
            ("out", &|s| s.lines[1].out.clear()),
            ("not-mine", &|s| s.lines[2].reason = Some("no-owner".into())),
            ("line missing", &|s| s.lines.truncate(3)),
            ("line too many", &|s| s.lines.push(s.lines[0].clone())),
            ("bytes", &|s| s.sent.get_mut(&0).unwrap()[0].bytes[20] ^= 1),
            ("frame lost", &|s| s.sent.get_mut(&1).unwrap().clear()),
            ("frame from nowhere", &|s| drop(s.sent.insert(9, Vec::new()))),
            ("summary", &|s| s.summary["forward"] = json!(3)),
        ];
        for (name, lie) in lies {
            assert!(verdict(lie).disagreements > 0, "{name}");
        }
    }
}
