//! The worked examples of the rules, written once as data and run on anything that forwards packets. An [`Example`] is a
//! configuration with names for its interfaces, and lines: a packet in words, the port it enters by, and where it must end.
//! `scene` makes configurations, `packet` reads the words, the other files hold the examples by chapter.

mod acls;
mod filters;
mod gateways;
mod nat;
mod packet;
mod reach;
mod routes;
mod scene;
mod state;
mod vpn;

pub use acls::*;
pub use filters::*;
pub use gateways::*;
pub use nat::*;
pub use packet::parse as packet;
pub use reach::*;
pub use routes::*;
pub use scene::{ALL, Scene};
pub use state::*;
pub use vpn::*;

use crate::harness::System;
use crate::history::Input;
use crate::model::rewrite::read;
use crate::model::{Kind, Outcome, World};

/// One line of an example.
pub enum Line {
    /// (port, packet, end): the end is the name of the port it leaves by, `stage/reason` of a drop (and perhaps ` at ` whom), `reply stage/reason`,
    /// `reply`, `punt`, or `held` for a fragment that waits for its first.
    Send(&'static str, &'static str, &'static str),
    /// (port, packet, end, end): as `Send`; the first end if `{nat}` is below 32768, else the second.
    SendBy(&'static str, &'static str, &'static str, &'static str),
    /// The frame that left last, in words; a port written `*` is any from 1024 on, remembered as `{nat}`.
    Left(&'static str),
    /// TTL of the frame that left last.
    Ttl(u8),
    /// Milliseconds pass.
    Wait(u64),
    /// The configuration changes.
    Change(fn(&mut World)),
}

/// A worked example.
pub struct Example {
    /// Its identifier in the rules.
    pub id: &'static str,
    pub scene: Scene,
    pub lines: Vec<Line>,
}

/// Lines in words, one each: `PORT | packet | end` is a [`Line::Send`], `left | packet`, `ttl | N` and `wait | MS` are what they say.
///
/// # Panics
///
/// On a line that is none of these.
pub fn script(text: &'static str) -> Vec<Line> {
    let lines = text.lines().map(str::trim).filter(|l| !l.is_empty());
    let line = |l: &'static str| match *l.split('|').map(str::trim).collect::<Vec<_>>() {
        ["left", packet] => Line::Left(packet),
        ["ttl", n] => Line::Ttl(n.parse().expect("a TTL")),
        ["wait", ms] => Line::Wait(ms.parse().expect("milliseconds")),
        [port, packet, end] => Line::Send(port, packet, end),
        _ => panic!("no line of an example: {l}"),
    };
    lines.map(line).collect()
}

/// Runs an example; what was not as it should be.
pub fn run(example: &Example, system: &mut dyn System) -> Result<(), String> {
    let mut world = example.scene.world.clone();
    let names = &example.scene.names;
    system.publish(&world);
    let mut now: u64 = 1_000_000_000_000;
    let (mut seq, mut nat) = (0, String::new());
    let mut last: Option<(u32, Vec<u8>)> = None;
    for line in &example.lines {
        match line {
            Line::Wait(ms) => now += ms * 1_000_000,
            Line::Change(change) => {
                change(&mut world);
                system.publish(&world);
            }
            Line::Send(port, text, below @ from) | Line::SendBy(port, text, below, from) => {
                let end = if nat.parse().is_ok_and(|nat: u16| nat < 32_768) { below } else { from };
                let text = text.replace("{nat}", &nat);
                let bytes = packet::parse(&text).ok_or_else(|| format!("{}: cannot read {text:?}", example.id))?;
                let port = number(names, port).ok_or_else(|| format!("{}: no port {port:?}", example.id))?;
                now += 1_000_000;
                let done = system.run(&[Input { seq, ts: now, port, bytes }]);
                seq += 1;
                let Some(done) = done.last() else {
                    if *end == "held" {
                        continue;
                    }
                    return Err(format!("{}: {text}: nothing", example.id));
                };
                let mut got = ending(names, &done.outcome);
                if let (true, Some(at)) = (end.contains(" at "), done.outcome.at) {
                    got = format!("{got} at {at:?}");
                }
                if got != *end {
                    return Err(format!("{}: {text}: expected {end}, got {got}: {}", example.id, done.outcome));
                }
                last = done.outcome.out.first().cloned();
            }
            Line::Left(want) => {
                let want = want.replace("{nat}", &nat);
                let got =
                    last.as_ref().and_then(|(_, f)| read(f)).ok_or_else(|| format!("{}: nothing left", example.id))?;
                let t = got.tuple();
                nat = if want.contains('*') { t.sport.to_string() } else { nat };
                let got = packet::words(t);
                if t.sport < 1024 && want.contains('*') || got != want.replace('*', &nat) {
                    return Err(format!("{}: expected {want}, left {got}", example.id));
                }
            }
            Line::Ttl(want) => {
                let got = last.as_ref().and_then(|(_, f)| read(f)).map(|p| p.ttl);
                if got != Some(*want) {
                    return Err(format!("{}: expected TTL {want}, got {got:?}", example.id));
                }
            }
        }
    }
    Ok(())
}

fn number(names: &[&str], port: &str) -> Option<u32> {
    if port == "internet" { Some(0) } else { Some(names.iter().position(|n| *n == port)? as u32 + 1) }
}

fn ending(names: &[&str], o: &Outcome) -> String {
    let why = format!("{}/{}", o.stage.unwrap_or("-"), o.reason.unwrap_or("-"));
    match (o.kind, o.out.first()) {
        (Kind::Forward, Some((0, _))) => "internet".into(),
        (Kind::Forward, Some((p, _))) => names.get(*p as usize - 1).unwrap_or(&"?").to_string(),
        (Kind::Reply, _) if o.stage.is_some() => format!("reply {why}"),
        (Kind::Drop, _) => why,
        (kind, _) => kind.name().into(),
    }
}
