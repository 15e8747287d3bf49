//! A running `vpcd up`, in the namespaces of a test.

pub(crate) use crate::isolation::{is_root, isolated, namespaces, nothing_is_left, sh};
use serde_json::Value;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::{Duration, Instant};

pub(crate) const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");
pub(crate) fn example(name: &str) -> String {
    format!("{ROOT}/docs/examples/{name}.yaml")
}

/// A directory that goes when the test ends.
pub(crate) struct Dir(PathBuf);

impl Dir {
    pub(crate) fn new(name: &str) -> Dir {
        let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("live-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Dir(path)
    }
    pub(crate) fn text(&self, name: &str) -> String {
        self.0.join(name).display().to_string()
    }
}

impl Drop for Dir {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

pub(crate) fn vpcd() -> Command {
    Command::new(env!("CARGO_BIN_EXE_vpcd"))
}

/// Runs to its end, which must come soon.
pub(crate) fn ended(command: &mut Command) -> Output {
    let child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut child = Ending(child);
    let deadline = Instant::now() + Duration::from_secs(10);
    while child.0.try_wait().unwrap().is_none() {
        assert!(Instant::now() < deadline, "{command:?} does not end");
        std::thread::sleep(Duration::from_millis(10));
    }
    let mut out = Output { status: child.0.wait().unwrap(), stdout: Vec::new(), stderr: Vec::new() };
    child.0.stdout.take().unwrap().read_to_end(&mut out.stdout).unwrap();
    child.0.stderr.take().unwrap().read_to_end(&mut out.stderr).unwrap();
    out
}

/// A child that does not outlive a failed test.
struct Ending(Child);

impl Drop for Ending {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A running `vpcd up`, and servers in its namespaces.
pub(crate) struct Up {
    child: Ending,
    out: BufReader<ChildStdout>,
    servers: Vec<Ending>,
    pub(crate) ready: String,
}

impl Up {
    pub(crate) fn start(arguments: &[&str]) -> Up {
        let mut child =
            Ending(vpcd().arg("up").args(arguments).stdout(Stdio::piped()).stderr(Stdio::inherit()).spawn().unwrap());
        let mut out = BufReader::new(child.0.stdout.take().unwrap());
        let mut ready = String::new();
        out.read_line(&mut ready).unwrap();
        assert!(!ready.is_empty(), "vpcd up ended");
        Up { child, out, servers: Vec::new(), ready }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.0.id()
    }

    pub(crate) fn signal(&self, name: &str) {
        sh(&format!("kill -{name} {}", self.pid()));
    }

    /// Waits for the end: whether it was a good one, and what was said since `ready`.
    pub(crate) fn end(mut self) -> (bool, String) {
        let mut said = String::new();
        self.out.read_to_string(&mut said).unwrap();
        (self.child.0.wait().unwrap().success(), said)
    }

    /// Servers of `scripts/lab/servers.py` in a namespace.
    pub(crate) fn serve(&mut self, host: &str, log: &str, what: &[&str]) {
        let mut command = self.inside(host, "python3");
        command.arg("-B").arg(format!("{ROOT}/scripts/lab/servers.py")).arg(log).args(what);
        let mut child = Ending(command.stdout(Stdio::piped()).spawn().unwrap());
        let mut line = String::new();
        BufReader::new(child.0.stdout.take().unwrap()).read_line(&mut line).unwrap();
        assert_eq!(line, "up\n");
        self.servers.push(child);
    }

    fn inside(&self, host: &str, program: &str) -> Command {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &format!("vpcd-{host}"), program]);
        command
    }

    /// What a command in a namespace says, and whether it succeeded.
    pub(crate) fn run(&self, host: &str, command: &str) -> (bool, String) {
        let out = ended(self.inside(host, "sh").args(["-c", command]));
        (
            out.status.success(),
            String::from_utf8_lossy(&out.stdout).into_owned() + &String::from_utf8_lossy(&out.stderr),
        )
    }

    /// Who a server in `who` mode thinks we are: address and port; none: no answer before the first packet would be repeated.
    pub(crate) fn seen(&self, host: &str, from: &str, url: &str) -> Option<(String, u16)> {
        let (_, said) = self
            .run(host, &format!("curl -sg --noproxy '*' --connect-timeout 0.8 -m 3 --interface {from} http://{url}/"));
        let (address, port) = said.trim().split_once(' ')?;
        Some((address.into(), port.parse().ok()?))
    }

    /// Drops by port, stage and reason.
    pub(crate) fn drops(&self, file: &str) -> BTreeMap<String, u64> {
        let _ = std::fs::remove_file(file);
        self.signal("USR1");
        let deadline = Instant::now() + Duration::from_secs(5);
        let text = loop {
            match std::fs::read_to_string(file) {
                Ok(text) => break text,
                Err(e) => assert!(Instant::now() < deadline, "{file}: {e}"),
            }
            std::thread::sleep(Duration::from_millis(5));
        };
        let counters: Value = serde_json::from_str(&text).unwrap();
        let word = |d: &Value, key: &str| d[key].as_str().unwrap().to_owned();
        let drops = counters["drops"].as_array().unwrap().iter();
        drops
            .map(|d| {
                (
                    format!("{} {} {}", word(d, "port"), word(d, "stage"), word(d, "reason")),
                    d["frames"].as_u64().unwrap(),
                )
            })
            .collect()
    }
}
