//! Spaces to make, and another process that owns some.

use std::io::{BufRead, BufReader, Lines, Read};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};
use vpcd_control::host::{Lab, Link, Routes, Space};
use vpcd_wire::Mac;

/// Set in a process that [`owner`] is; its value names the spaces.
const OWNS: &str = "VPCD_LIVE_OWNS";

/// `eth<index>` of host `host`, with the addresses 10.0.<index>.<host> and those given.
pub(crate) fn link(host: u8, index: u8, more: &[&str]) -> Link {
    let addresses = [format!("10.0.{index}.{host}/24")].into_iter().chain(more.iter().map(|a| a.to_string()));
    Link {
        port: Some(format!("eni-{host}-{index}")),
        device: format!("eth{index}"),
        mac: Mac([0x02, 0, 0, 0, index, host]),
        mtu: 9001,
        addresses: addresses.map(|a| a.parse().unwrap()).collect(),
        routes: match index {
            0 => Routes::Router { v4: Some([10, 0, 0, 1].into()), v6: more.iter().any(|a| a.contains(':')) },
            _ => Routes::None,
        },
    }
}

pub(crate) fn space(name: &str, host: u8) -> Space {
    Space { name: name.into(), links: vec![link(host, 0, &[])] }
}

/// Until something is so, which must be soon.
#[track_caller]
pub(crate) fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(10);
    while !is_so() {
        assert!(Instant::now() < deadline, "{what}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether `sleep SECONDS` runs anywhere; each test sleeps for a time of its own.
pub(crate) fn sleeps(seconds: &str) -> bool {
    let wanted = format!("sleep\0{seconds}\0");
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    entries.filter_map(|e| std::fs::read(e.path().join("cmdline")).ok()).any(|c| c == wanted.as_bytes())
}

/// Children of this process, zombies included, as `/proc` describes them.
pub(crate) fn children() -> Vec<String> {
    let me = std::process::id().to_string();
    let entries = std::fs::read_dir("/proc").unwrap().flatten();
    let all = entries.filter_map(|e| std::fs::read_to_string(e.path().join("stat")).ok());
    all.filter(|s| s.rsplit_once(')').is_some_and(|(_, rest)| rest.split_whitespace().nth(1) == Some(&me))).collect()
}

/// Another process that has a lab with one space, and a script in it.
pub(crate) struct Owner {
    child: Child,
    /// Kept: what it says at its end must have somewhere to go.
    _out: Lines<BufReader<ChildStdout>>,
}

impl Owner {
    /// `prefix` is what the owner is run by, e.g. as another user.
    pub(crate) fn start(prefix: &[&str], program: &str, name: &str, user_data: &str) -> Owner {
        let mut line: Vec<&str> = prefix.to_vec();
        line.extend([program, "--exact", "lab::owner", "--nocapture"]);
        let mut command = Command::new(line[0]);
        command.args(&line[1..]).env(OWNS, format!("{name} {user_data}"));
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut out = BufReader::new(child.stdout.take().unwrap()).lines();
        let stands = out.any(|line| line.unwrap().ends_with("stands"));
        let owner = Owner { child, _out: out };
        assert!(stands, "the owner ended");
        owner
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// kill -9.
    pub(crate) fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Its input ends, and so does it.
    pub(crate) fn end(mut self) {
        drop(self.child.stdin.take());
        assert!(self.child.wait().unwrap().success());
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Not a test: what runs in the process of an [`Owner`], until its input ends.
#[test]
fn owner() {
    let Ok(owns) = std::env::var(OWNS) else { return };
    let (name, user_data) = owns.split_once(' ').unwrap();
    let mut lab = Lab::new(1).unwrap();
    let _devices = lab.add(space(name, 5)).unwrap();
    let console = lab.run_user_data(name, user_data.as_bytes()).unwrap();
    until("the script begins", || user_data.is_empty() || !console.text().is_empty());
    println!("\nit stands");
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    lab.close().unwrap();
}
