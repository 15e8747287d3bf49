//! `vpcd explain`: what would become of a packet, gate by gate, by the very code that forwards.
//!
//! [`text`] reads the packet from words and makes the frame, the engine walks it without changing anything, [`rules`] says what decided
//! at each gate. With `--reply` the packet is forwarded for real first, so that its flow is known, and the answer is explained.

mod rules;
mod text;

use crate::names::place;
use crate::ports;
use crate::report::{Failure, Outcome, print};
use crate::stack::TemplateArgs;
use rules::World;
use serde_json::{Value, json};
use std::fmt::Write;
use text::Sketch;
use vpcd_control::compile::Names;
use vpcd_dataplane::engine::{Config, Memory};
use vpcd_dataplane::pipeline::{Answer, At, Cause, Gate, Kind, Plan, Reason, Stage, Stop, Verdict};
use vpcd_dataplane::topology::{EniIdx, PortNo, SubnetIdx};
use vpcd_wire::FABRIC_MAC;

/// When the packet is sent; any time does, the answer comes a millisecond later.
const START: u64 = 1_000_000_000;
const LATER: u64 = START + 1_000_000;

/// Explains what would become of one packet, gate by gate.
///
/// The packet is PROTO SRC[:PORT] > DST[:PORT] [FLAGS|TYPE/CODE]: tcp, udp, icmp, icmpv6, gre, esp or a protocol's number; IPv6
/// addresses in brackets; TCP flags joined by commas (default syn), ICMP type and code (default an echo request). An ICMP
/// identifier stands where the source port would.
#[derive(clap::Args, Clone, Debug)]
#[command(after_help = "Example:\n  \
    vpcd explain docs/examples/nat.yaml --at Db 'tcp 10.0.1.5:40000 > 192.0.2.77:443 syn'\n  \
    vpcd explain docs/examples/nat.yaml --at internet 'icmp 192.0.2.77 > 198.51.100.1 8/0' --json")]
pub struct Args {
    #[command(flatten)]
    template: TemplateArgs,
    /// Port where the packet enters: the logical id of an Instance, NetworkInterface or VPNGateway, or internet
    #[arg(long, value_name = "PORT")]
    at: String,
    /// The packet
    #[arg(value_parser = text::parse)]
    packet: Sketch,
    /// Explain the answer to the packet instead, as part of its flow
    #[arg(long)]
    reply: bool,
    /// Seed of choices such as NAT ports
    #[arg(long, value_name = "N", default_value_t = 0)]
    seed: u64,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub fn run(args: &Args) -> Outcome {
    let mut loaded = args.template.load()?;
    ports::bind(&mut loaded, &args.at)?;
    let compiled = loaded.compile();
    let mut engine = Memory::new(Config { seed: args.seed, sessions: 1024, ..Config::default() });
    engine.publish(compiled.topology);
    let mut port = ports::number(engine.topology(), &compiled.names, ports::find(&loaded.stack, &args.at)?)?;
    let mut packet = args.packet;
    let mut time = START;
    if args.reply {
        (port, packet) = forward(&mut engine, &compiled.names, port, packet)?;
        time = LATER;
    }
    let mut frame = packet.frame(engine.topology().mac(port), FABRIC_MAC);
    (frame.port, frame.ts) = (port, time);
    let mut gates = Vec::new();
    let result = engine.explain(&frame, &mut gates);
    let topology = engine.topology().clone();
    let world = World { model: &loaded.stack.model, names: &compiled.names, topology: &topology };
    let story = Story::new(world, port, &result, gates);
    let text = if args.json {
        format!("{}\n", story.json())
    } else {
        format!("{packet}, entering at {}\n{}", compiled.names.port(port), story.text())
    };
    print(&text)
}

/// Sends the packet for real; where its answer starts, and what that is.
fn forward(engine: &mut Memory, names: &Names, port: PortNo, packet: Sketch) -> Outcome<(PortNo, Sketch)> {
    let mut frame = packet.frame(engine.topology().mac(port), FABRIC_MAC);
    (frame.port, frame.ts) = (port, START);
    let done = engine.run(vec![frame]).into_iter().next();
    let Some(done) = done else { return Err(Failure::user("the packet got no verdict")) };
    if done.verdict.kind != Kind::Forward {
        return Err(Failure::user(format_args!(
            "there is no answer to explain: the packet itself does not arrive ({})",
            end(names, &done.verdict)
        )));
    }
    let arrived = done.out.first().and_then(|(port, frame)| Some((*port, Sketch::of(frame)?)));
    let Some((port, arrived)) = arrived else { return Err(Failure::user("the packet did not leave as a packet")) };
    Ok((port, arrived.answer()))
}

/// A verdict in words.
fn end(names: &Names, v: &Verdict) -> String {
    let mut out = v.kind.name().to_string();
    if let (Some(stage), Some(reason)) = (v.stage, v.reason) {
        let _ = write!(out, " at {}", stage.name());
        if let Some(at) = v.at {
            let _ = write!(out, " of {}", place(names, at));
        }
        let _ = write!(out, ": {}", reason.name());
    }
    out
}

/// One gate of the explanation.
struct Step {
    stage: Stage,
    at: At,
    verdict: &'static str,
    rule: Option<String>,
}

/// A walk in words.
struct Story<'a> {
    names: &'a Names,
    steps: Vec<Step>,
    verdict: Verdict,
    /// The port that something leaves by, and what that is.
    out: Option<PortNo>,
    leaves: String,
}

impl<'a> Story<'a> {
    fn new(world: World<'a>, port: PortNo, result: &Result<Plan, Stop>, gates: Vec<Gate>) -> Story<'a> {
        let (verdict, out, leaves) = match result {
            Ok(plan) => {
                let ttl = if plan.nat { ", its time to live less one" } else { "" };
                (Verdict::FORWARD, Some(plan.egress), format!("as {}{ttl}", plan.tuple))
            }
            Err(Stop::Drop(stage, reason, at)) => (Verdict::drop(*stage, *reason, Some(*at)), None, String::new()),
            Err(Stop::Punt) => (Verdict::PUNT, None, "to a service of the VPC (DNS, DHCP, metadata or time)".into()),
            Err(Stop::Answer(answer)) => {
                let (verdict, text) = answered(answer);
                (verdict, Some(port), text)
            }
        };
        let steps = steps(world, port, gates, &verdict);
        Story { names: world.names, steps, verdict, out, leaves }
    }

    fn json(&self) -> Value {
        let v = &self.verdict;
        let gates: Vec<Value> = self
            .steps
            .iter()
            .map(|s| json!({ "gate": s.stage.name(), "at": place(self.names, s.at), "verdict": s.verdict, "rule": s.rule }))
            .collect();
        json!({
            "verdict": v.kind.name(),
            "stage": v.stage.map(Stage::name),
            "at": v.at.map(|at| place(self.names, at)),
            "reason": v.reason.map(Reason::name),
            "out": self.out.iter().map(|p| self.names.port(*p)).collect::<Vec<_>>(),
            "gates": gates,
        })
    }

    fn text(&self) -> String {
        let mut out = String::new();
        let width = self.steps.iter().map(|s| place(self.names, s.at).len()).max().unwrap_or(0);
        for s in &self.steps {
            let line = format!(
                "  {:<9} {:<width$}  {:<5} {}",
                s.stage.name(),
                place(self.names, s.at),
                s.verdict,
                s.rule.as_deref().unwrap_or("")
            );
            let _ = writeln!(out, "{}", line.trim_end());
        }
        let verdict = end(self.names, &self.verdict);
        let _ = match (self.out, self.verdict.kind) {
            (Some(port), Kind::Forward) => {
                writeln!(out, "{verdict}: leaves by {} {}", self.names.port(port), self.leaves)
            }
            (Some(port), _) => {
                writeln!(out, "{verdict}; the fabric answers {} with {}", self.names.port(port), self.leaves)
            }
            (None, Kind::Punt) => writeln!(out, "{verdict} {}", self.leaves),
            (None, _) => writeln!(out, "{verdict}"),
        };
        out
    }
}

/// What the fabric itself would say.
fn answered(answer: &Answer) -> (Verdict, String) {
    match answer {
        Answer::Neighbour { mac, .. } => (Verdict::REPLY, format!("the address {mac}")),
        Answer::Router => (Verdict::REPLY, "a router advertisement".into()),
        Answer::TooBig(stage, at) => (Verdict::error(*stage, Reason::TooBig, *at), "packet too big".into()),
        Answer::TtlExceeded(nat) => {
            (Verdict::error(Stage::Natgw, Reason::TtlExceeded, At::Nat(*nat)), "time exceeded".into())
        }
        Answer::Reset(nat) => (Verdict::error(Stage::Natgw, Reason::NoBinding, At::Nat(*nat)), "a TCP reset".into()),
    }
}

/// The gates in the order in which they count. Only the last may refuse: what a gateway's table has no route for goes on.
fn steps(world: World<'_>, port: PortNo, mut gates: Vec<Gate>, verdict: &Verdict) -> Vec<Step> {
    // The route is looked up first, to know whether the packet leaves the subnet at all; but the NACL speaks first.
    for i in 1..gates.len() {
        if gates[i].stage == Stage::NaclOut
            && gates[i - 1].stage == Stage::Route
            && matches!(gates[i - 1].cause, Cause::Route(..) | Cause::NoRoute(_))
        {
            gates.swap(i - 1, i);
        }
    }
    if let Some(denied) = gates.iter().position(|g| !g.passed && matches!(g.stage, Stage::NaclOut | Stage::NaclIn)) {
        gates.truncate(denied + 1);
    }
    let subnet_of = |eni: EniIdx| world.topology.enis.get(eni.at()).map(|e| e.subnet);
    let mut here: Option<SubnetIdx> = EniIdx::of_port(port).and_then(subnet_of);
    let mut steps: Vec<Step> = Vec::new();
    for gate in &mut gates {
        match (gate.at, gate.cause) {
            // Route tables are asked by a subnet or a gateway.
            (At::Internet, Cause::Route(table, ..) | Cause::NoRoute(table)) => gate.at = world.asker(table, here),
            (At::Subnet(subnet), _) => here = Some(subnet),
            (At::Eni(eni), _) => here = subnet_of(eni),
            (At::Nat(nat), _) => here = world.topology.nats.get(nat.at()).and_then(|n| subnet_of(n.eni)),
            _ => {}
        }
        steps.push(Step { stage: gate.stage, at: gate.at, verdict: "pass", rule: world.rule(gate) });
    }
    let (Some(stage), Some(at)) = (verdict.stage, verdict.at) else { return steps };
    let refused = gates.last().is_some_and(|g| !g.passed && g.stage == stage);
    let plain = gates.last().is_some_and(|g| g.cause == Cause::Plain);
    // A table that has no route says so itself, then the gate does.
    let twice = refused
        && plain
        && gates.len() > 1
        && gates.get(gates.len() - 2).is_some_and(|g| !g.passed && g.stage == stage);
    if twice {
        steps.pop();
    }
    if !refused {
        steps.push(Step { stage, at, verdict: "", rule: None });
    }
    if let Some(last) = steps.last_mut() {
        last.verdict = verdict.kind.name();
        last.at = at;
        last.rule = last.rule.take().or_else(|| verdict.reason.map(|r| r.name().to_string()));
    }
    steps
}
