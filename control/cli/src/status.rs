//! `vpcd status`: what a running server has and does.

use crate::report::{Outcome, print};
use crate::socket::SocketArgs;
use serde_json::{Value, json};
use std::fmt::Write;
use std::io::IsTerminal;
use std::time::Duration;

/// Between two looks.
const INTERVAL: Duration = Duration::from_secs(1);

/// Show ports, counters and health of a running `vpcd serve`
#[derive(clap::Args, Debug)]
#[command(after_help = "Example:\n  vpcd status\n  vpcd status --watch\n  vpcd status --json | jq '.ports[].port'")]
pub struct Args {
    #[command(flatten)]
    socket: SocketArgs,
    /// Print one JSON object, in one line
    #[arg(long)]
    json: bool,
    /// Again each second, until Ctrl-C
    #[arg(long)]
    watch: bool,
}

/// Runs it.
pub fn run(args: &Args) -> Outcome {
    let mut client = args.socket.connect()?;
    let clear = if args.watch && std::io::stdout().is_terminal() { "\x1b[H\x1b[2J" } else { "" };
    loop {
        let status = client.ask(&json!({"command": "status"}))?;
        print(&if args.json { format!("{status}\n") } else { format!("{clear}{}", table(&status)) })?;
        if !args.watch {
            return Ok(());
        }
        std::thread::sleep(INTERVAL);
    }
}

/// A status for people.
fn table(status: &Value) -> String {
    let text =
        |v: &Value| v.as_str().map_or_else(|| if v.is_null() { "-".into() } else { v.to_string() }, String::from);
    let mut out = String::new();
    let health = if status["workers_up"] == true { "" } else { " (FAILED)" };
    let _ = writeln!(
        out,
        "{}, account {}; up {} s, {} worker(s){health}, generation {}, sessions {} of {}, walks {}, re-walks {}",
        text(&status["region"]),
        text(&status["account"]),
        status["uptime_seconds"].as_f64().unwrap_or_default() as u64,
        status["workers"],
        status["generation"],
        status["sessions"]["used"],
        status["sessions"]["capacity"],
        status["walks"],
        status["rewalks"],
    );
    let members = |v: &Value| v.as_array().cloned().unwrap_or_default();
    for zone in members(&status["impaired_zones"]) {
        let _ = writeln!(out, "zone {} is impaired: its NAT gateways carry nothing", text(&zone));
    }
    let heads =
        ["PORT", "AT", "ADDRESSES", "FRAMES IN", "BYTES IN", "FRAMES OUT", "BYTES OUT", "DROPPED"].map(String::from);
    let rows = members(&status["ports"]).into_iter().map(|p| {
        let addresses: Vec<String> = members(&p["addresses"]).iter().map(text).collect();
        let counts = ["received", "received_bytes", "sent", "sent_bytes", "dropped"].map(|name| text(&p[name]));
        let [received, received_bytes, sent, sent_bytes, dropped] = counts;
        let fault = p["problem"].as_str().map_or(String::new(), |f| format!("  ({f})"));
        let row = [
            text(&p["port"]),
            text(&p["at"]),
            addresses.join(","),
            received,
            received_bytes,
            sent,
            sent_bytes,
            dropped,
        ];
        (row, fault)
    });
    let rows: Vec<([String; 8], String)> = std::iter::once((heads, String::new())).chain(rows).collect();
    let widths: Vec<usize> = (0..8).map(|n| rows.iter().map(|(r, _)| r[n].len()).max().unwrap_or(0)).collect();
    for (row, fault) in &rows {
        for (n, (cell, width)) in row.iter().zip(&widths).enumerate() {
            let gap = if n == 0 { "" } else { "  " };
            // Names to the left, numbers to the right.
            let _ = if n < 3 { write!(out, "{gap}{cell:width$}") } else { write!(out, "{gap}{cell:>width$}") };
        }
        let _ = writeln!(out, "{fault}");
    }
    for d in members(&status["drops"]) {
        let (port, stage, reason) = (text(&d["port"]), text(&d["stage"]), text(&d["reason"]));
        let _ = writeln!(out, "dropped: {} from {port} at {stage}: {reason}", d["frames"]);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_lines_up() {
        let port = |id: &str, frames: u64, problem: Option<&str>| {
            json!({"port": id, "at": null, "addresses": ["10.0.0.5", "2001:db8::5"], "received": frames, "received_bytes": 60 * frames,
                "sent": 0, "sent_bytes": 0, "dropped": 2, "problem": problem})
        };
        let status = json!({"region": "us-east-1", "account": "123456789012", "uptime_seconds": 61.5, "workers": 2, "workers_up": true,
            "generation": 7, "sessions": {"used": 3, "capacity": 100}, "walks": 4, "rewalks": 1,
            "ports": [port("eni-1", 1, None), port("eni-22", 12345, Some("no such device"))],
            "drops": [{"port": "eni-1", "stage": "sg-in", "reason": "no-rule", "frames": 2}]});
        let text = table(&status);
        let lines: Vec<&str> = text.lines().collect();
        assert!(lines[0].contains("up 61 s, 2 worker(s), generation 7, sessions 3 of 100"), "{text}");
        assert!(lines[1].starts_with("PORT    AT  ADDRESSES "), "{text}");
        assert_eq!(lines[2].len(), lines[1].len(), "{text}");
        assert!(lines[3].ends_with("        2  (no such device)"), "{text}");
        assert_eq!(lines[4], "dropped: 2 from eni-1 at sg-in: no-rule");
    }
}
