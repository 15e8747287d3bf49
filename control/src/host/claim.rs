//! Who made which namespaces: state files that outlive a killed process, so that the next one can clean up after it.
//!
//! Before a process makes namespaces it writes `/run/vpcd/up-<pid>` with its start time and their names. A file whose process is
//! gone, or whose number now belongs to another, is a leftover: its namespaces are removed, then the file. (Devices need no care,
//! they go with the process that served them.) The directory is locked while somebody looks around in it, so two that
//! start at once do not both find everything free.

use super::{HostError, NETNS, Result, command};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Where the state files are.
pub const STATE: &str = "/run/vpcd";

/// The right to make namespaces of certain names. Dropping it removes them and the state file.
#[derive(Debug)]
pub struct Claim {
    file: PathBuf,
}

/// What a state file says.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
struct State {
    pid: u32,
    /// In clock ticks since the machine started, as `/proc` has it.
    start: u64,
    namespaces: Vec<String>,
}

impl Claim {
    /// Removes what killed processes left, and claims these names. Refused if another process lives that has one of them, or if
    /// something of that name is there that nobody claimed. Answers the leftovers' processes too.
    pub fn new(namespaces: &[String]) -> Result<(Claim, Vec<u32>)> {
        let dir = Path::new(STATE);
        let failed = |source| HostError::State { path: dir.into(), source };
        // One who ends may remove the directory between our two steps.
        let _lock = lock(dir).or_else(|_| lock(dir)).map_err(failed)?;
        let wanted: BTreeSet<&String> = namespaces.iter().collect();
        let mut ended = Vec::new();
        for entry in fs::read_dir(dir).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let Some(state) = fs::read_to_string(&path).ok().and_then(|t| State::parse(&t)) else { continue };
            if state.runs() {
                if let Some(namespace) = state.namespaces.iter().find(|n| wanted.contains(n)) {
                    return Err(HostError::Running { pid: state.pid, namespace: namespace.clone() });
                }
            } else {
                remove(&path, &state)?;
                ended.push(state.pid);
            }
        }
        if let Some(name) = namespaces.iter().find(|n| exists(n)) {
            return Err(HostError::Foreign(name.clone()));
        }
        let pid = std::process::id();
        let state = State { pid, start: start_time(pid).unwrap_or(0), namespaces: namespaces.to_vec() };
        let file = own_file();
        fs::write(&file, state.to_text()).map_err(|source| HostError::State { path: file.clone(), source })?;
        Ok((Claim { file }, ended))
    }

    /// Removes the namespaces that exist by now, and the claim.
    pub fn release(self) -> Result<()> {
        let done = release(&self.file);
        std::mem::forget(self);
        done
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        // Nobody is there to be told; what stays is a leftover for the next.
        let _ = release(&self.file);
    }
}

/// Removes everything that this process claimed, from wherever a panic happens: with `panic = "abort"` no destructor would.
pub fn release_on_panic() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        before(info);
        let _ = release(&own_file());
    }));
}

fn own_file() -> PathBuf {
    Path::new(STATE).join(format!("up-{}", std::process::id()))
}

fn lock(dir: &Path) -> io::Result<File> {
    fs::create_dir_all(dir)?;
    let file = File::open(dir)?;
    file.lock()?;
    // Removed while we waited: another's lock would be on another directory.
    if dir.exists() { Ok(file) } else { Err(ErrorKind::NotFound.into()) }
}

fn release(file: &Path) -> Result<()> {
    let Some(state) = fs::read_to_string(file).ok().and_then(|t| State::parse(&t)) else { return Ok(()) };
    remove(file, &state)?;
    // Not while somebody looks around in it. It stays while others have files there.
    if let Ok(dir) = File::open(STATE)
        && dir.try_lock().is_ok()
    {
        let _ = fs::remove_dir(STATE);
    }
    Ok(())
}

/// Removes namespaces, then the file that speaks of them.
fn remove(file: &Path, state: &State) -> Result<()> {
    let there = state.namespaces.iter().filter(|n| exists(n));
    command::ip(&[], &there.map(|n| format!("netns del {n}\n")).collect::<String>(), true)?;
    match fs::remove_file(file) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(HostError::State { path: file.into(), source: e }),
        _ => Ok(()),
    }
}

fn exists(namespace: &str) -> bool {
    Path::new(NETNS).join(namespace).exists()
}

/// When a process started; none: there is no such process.
fn start_time(pid: u32) -> Option<u64> {
    start_of(&fs::read_to_string(format!("/proc/{pid}/stat")).ok()?)
}

/// The name of the command, in parentheses, may contain anything; the start time is the 20th field behind it.
fn start_of(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    // A zombie has ended: it only waits for its parent to notice.
    if fields.next()? == "Z" {
        return None;
    }
    fields.nth(18)?.parse().ok()
}

impl State {
    fn runs(&self) -> bool {
        self.pid != std::process::id() && start_time(self.pid) == Some(self.start)
    }

    fn to_text(&self) -> String {
        let names: String = self.namespaces.iter().map(|n| format!("namespace {n}\n")).collect();
        format!("pid {}\nstart {}\n{names}", self.pid, self.start)
    }

    /// Names that are none of ours are not taken over: the file decides what gets removed.
    fn parse(text: &str) -> Option<State> {
        let mut state = State::default();
        for line in text.lines() {
            match line.split_once(' ')? {
                ("pid", pid) => state.pid = pid.parse().ok()?,
                ("start", start) => state.start = start.parse().ok()?,
                ("namespace", name) if name.starts_with("vpcd-") && !name.contains(['/', ' ']) => {
                    state.namespaces.push(name.into())
                }
                _ => return None,
            }
        }
        (state.pid != 0).then_some(state)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn state_files_come_back_as_they_were() {
        let state = State { pid: 12, start: 345, namespaces: vec!["vpcd-Web".into(), "vpcd-internet".into()] };
        assert_eq!(State::parse(&state.to_text()), Some(state));
    }

    #[test]
    fn state_files_of_others_remove_nothing() {
        for text in [
            "",
            "pid 0\n",
            "pid x\n",
            "pid 1\nnamespace prod\n",
            "pid 1\nnamespace vpcd-../x\n",
            "pid 1\nnamespace vpcd-a b\n",
            "hello\n",
        ] {
            assert_eq!(State::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn processes_are_known_by_number_and_start() {
        let me = std::process::id();
        let start = start_time(me).unwrap();
        assert!(start > 0);
        let parent = std::os::unix::process::parent_id();
        let state = |pid, start| State { pid, start, namespaces: Vec::new() };
        assert!(state(parent, start_time(parent).unwrap()).runs());
        assert!(!state(parent, start_time(parent).unwrap() + 1).runs(), "the number belongs to another now");
        assert!(!state(u32::MAX - 1, 1).runs());
        assert!(!state(me, start).runs(), "a former process of our number is gone");
    }

    #[test]
    fn names_of_commands_do_not_confuse() {
        let rest = "1 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 777 9";
        assert_eq!(start_of(&format!("5 (a) b (c)) S {rest}")), Some(777));
        assert_eq!(start_of(&format!("5 (a) Z {rest}")), None);
        assert_eq!(start_of("5 (a"), None);
    }
}
