//! Who made which namespaces: state files that outlive a killed process, so that the next one can clean up after it.
//!
//! Before a process makes namespaces it writes `/run/vpcd/claim-<pid>` with its start time and their names. A file whose process is
//! gone, or whose number now belongs to another, is a leftover: what still runs in its namespaces is ended, they are removed, then the
//! file. (Devices need no care, they go with the process that served them.) The directory is locked while somebody looks around or
//! writes in it, so two that claim at once do not both find a name free.

use super::{HostError, NETNS, Result, command, processes};
use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Where the state files are.
pub const STATE: &str = "/run/vpcd";
/// What the names of all our namespaces begin with.
pub const PREFIX: &str = "vpcd-";
/// A state file that is being written.
const UNFINISHED: &str = "new";

/// The right to make namespaces of certain names. Dropping it removes them and the state file.
#[derive(Debug)]
pub struct Claim {
    file: PathBuf,
    state: State,
    released: bool,
}

/// What a state file says.
#[derive(Clone, Debug, PartialEq, Eq, Default)]
pub(super) struct State {
    pid: u32,
    /// In clock ticks since the machine started, as `/proc` has it.
    start: u64,
    namespaces: BTreeSet<String>,
}

impl Claim {
    /// Removes what killed processes left, and claims no name yet. Answers those processes too. A process has one claim at a time.
    pub fn new() -> Result<(Claim, Vec<u32>)> {
        let pid = std::process::id();
        let state = State { pid, start: start_time(pid).unwrap_or(0), namespaces: BTreeSet::new() };
        let file = file_of(pid);
        let _lock = lock()?;
        let (others, ended) = look_around()?;
        if others.iter().any(|s| s.pid == pid) {
            return Err(failed(&file)(ErrorKind::AlreadyExists.into()));
        }
        write(&file, &state)?;
        Ok((Claim { file, state, released: false }, ended))
    }

    /// Whether it has this name.
    pub fn has(&self, name: &str) -> bool {
        self.state.namespaces.contains(name)
    }

    /// Claims these names too, all or none. Refused if another process lives that has one of them, or if something of that name is
    /// there that nobody claimed. Answers the processes that were killed meanwhile and whose leftovers were removed.
    pub fn add(&mut self, names: &[String]) -> Result<Vec<u32>> {
        if let Some(name) = names.iter().find(|n| !is_name(n)) {
            return Err(HostError::Name(name.clone()));
        }
        if let Some(name) = names.iter().find(|n| self.has(n)) {
            return Err(HostError::Taken(name.clone()));
        }
        let _lock = lock()?;
        let (others, ended) = look_around()?;
        for other in others.iter().filter(|s| s.pid != self.state.pid) {
            if let Some(name) = names.iter().find(|n| other.namespaces.contains(*n)) {
                return Err(HostError::Running { pid: other.pid, namespace: name.clone() });
            }
        }
        if let Some(name) = names.iter().find(|n| exists(n)) {
            return Err(HostError::Foreign(name.clone()));
        }
        let mut state = self.state.clone();
        state.namespaces.extend(names.iter().cloned());
        write(&self.file, &state)?;
        self.state = state;
        Ok(ended)
    }

    /// Ends what runs in these namespaces, removes those that exist, and gives their names back.
    pub fn remove(&mut self, names: &[String]) -> Result<()> {
        let removed = remove_namespaces(names.iter().filter(|n| self.has(n)));
        // What could not be removed stays ours: the end, or whoever comes next, tries again.
        self.state.namespaces.retain(|n| !names.contains(n) || exists(n));
        let _lock = lock()?;
        write(&self.file, &self.state)?;
        removed
    }

    /// Removes the namespaces that exist by now, and the claim.
    pub fn release(mut self) -> Result<()> {
        self.released = true;
        release(&self.file)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.released {
            // Nobody is there to be told; what stays is a leftover for the next.
            let _ = release(&self.file);
        }
    }
}

/// Removes everything that this process claimed, from wherever a panic happens: with `panic = "abort"` no destructor would.
pub fn release_on_panic() {
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        before(info);
        let _ = release(&file_of(std::process::id()));
    }));
}

/// Whether this can name one of our namespaces: `vpcd-`, then letters, digits, '-', '_' and '.', as a file name.
pub(super) fn is_name(name: &str) -> bool {
    let fits = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    name.strip_prefix(PREFIX).is_some_and(|rest| !rest.is_empty()) && name.len() <= 255 && name.bytes().all(fits)
}

fn file_of(pid: u32) -> PathBuf {
    Path::new(STATE).join(format!("claim-{pid}"))
}

fn failed(path: &Path) -> impl Fn(io::Error) -> HostError {
    move |source| HostError::State { path: path.into(), source }
}

/// Nobody else looks around or writes while the answer lives.
fn lock() -> Result<File> {
    let dir = Path::new(STATE);
    let once = || {
        fs::create_dir_all(dir)?;
        let file = File::open(dir)?;
        file.lock()?;
        // Removed while we waited: another's lock would be on another directory.
        if dir.exists() { Ok(file) } else { Err(ErrorKind::NotFound.into()) }
    };
    // One who ends may remove the directory between our steps.
    once().or_else(|_| once()).map_err(failed(dir))
}

/// What living processes claim, this one included, and the processes whose leftovers were removed. Needs the lock.
fn look_around() -> Result<(Vec<State>, Vec<u32>)> {
    let (mut living, mut ended) = (Vec::new(), Vec::new());
    let dir = Path::new(STATE);
    for entry in fs::read_dir(dir).map_err(failed(dir))? {
        let path = entry.map_err(failed(dir))?.path();
        if path.extension().is_some_and(|e| e == UNFINISHED) {
            // Files are written under the lock, which we have: its writer was killed before it counted.
            remove_file(&path)?;
            continue;
        }
        match read(&path) {
            Some(state) if state.runs() => living.push(state),
            Some(state) => {
                remove(&path, &state)?;
                ended.push(state.pid);
            }
            None => {}
        }
    }
    Ok((living, ended))
}

fn read(file: &Path) -> Option<State> {
    State::parse(&fs::read_to_string(file).ok()?)
}

/// Whoever is killed in the middle leaves the old file. Needs the lock.
fn write(file: &Path, state: &State) -> Result<()> {
    let unfinished = file.with_extension(UNFINISHED);
    fs::write(&unfinished, state.to_text()).and_then(|()| fs::rename(&unfinished, file)).map_err(failed(file))
}

fn release(file: &Path) -> Result<()> {
    let Some(state) = read(file) else { return Ok(()) };
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
    remove_namespaces(&state.namespaces)?;
    remove_file(file)
}

fn remove_namespaces<'a>(names: impl IntoIterator<Item = &'a String>) -> Result<()> {
    let there: Vec<&str> = names.into_iter().map(String::as_str).filter(|n| exists(n)).collect();
    // A process that does not end keeps its network, but the name goes all the same.
    let ended = processes::end(&there);
    command::ip(None, &there.iter().map(|n| format!("netns del {n}\n")).collect::<String>(), true)?;
    ended
}

fn remove_file(file: &Path) -> Result<()> {
    match fs::remove_file(file) {
        Err(e) if e.kind() != ErrorKind::NotFound => Err(failed(file)(e)),
        _ => Ok(()),
    }
}

fn exists(namespace: &str) -> bool {
    Path::new(NETNS).join(namespace).exists()
}

/// Whether a process has a claim on a namespace, as the files below `root` (`/proc/PID/root` for another's view) say.
pub(super) fn claims(root: &Path, pid: u32, namespace: &str) -> bool {
    let file = file_of(pid);
    let state = read(&root.join(file.strip_prefix("/").unwrap_or(&file)));
    state.is_some_and(|s| s.pid == pid && s.runs() && s.namespaces.contains(namespace))
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
        start_time(self.pid) == Some(self.start)
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
                ("namespace", name) if is_name(name) => _ = state.namespaces.insert(name.into()),
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
        let namespaces = ["vpcd-Web".into(), "vpcd-i-0123456789abcdef0".into()].into();
        let state = State { pid: 12, start: 345, namespaces };
        assert_eq!(State::parse(&state.to_text()), Some(state));
    }

    #[test]
    fn state_files_of_others_remove_nothing() {
        for text in [
            "",
            "pid 0\n",
            "pid x\n",
            "pid 1\nnamespace prod\n",
            "pid 1\nnamespace vpcd-\n",
            "pid 1\nnamespace vpcd-../x\n",
            "pid 1\nnamespace vpcd-a b\n",
            "pid 1\nnamespace vpcd-a;b\n",
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
        let state = |pid, start| State { pid, start, namespaces: BTreeSet::new() };
        assert!(state(parent, start_time(parent).unwrap()).runs());
        assert!(!state(parent, start_time(parent).unwrap() + 1).runs(), "the number belongs to another now");
        assert!(!state(u32::MAX - 1, 1).runs());
        assert!(state(me, start).runs());
        assert!(!state(me, start - 1).runs(), "a former process of our number is gone");
    }

    #[test]
    fn names_of_commands_do_not_confuse() {
        let rest = "1 1 1 0 -1 4194560 1 2 3 4 5 6 7 8 20 0 1 0 777 9";
        assert_eq!(start_of(&format!("5 (a) b (c)) S {rest}")), Some(777));
        assert_eq!(start_of(&format!("5 (a) Z {rest}")), None);
        assert_eq!(start_of("5 (a"), None);
    }
}
