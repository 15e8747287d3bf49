//! Running `ip`.

use super::{HostError, Result};
use std::io::{ErrorKind, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};

/// Runs `ip -batch -` with these lines, in the network of the calling thread: that of `namespace`, as messages will say. Empty input is
/// not worth a process. `force`: goes on after a line that failed.
pub(super) fn ip(namespace: Option<&str>, lines: &str, force: bool) -> Result<()> {
    if lines.is_empty() {
        return Ok(());
    }
    let arguments: &[&str] = if force { &["-force", "-batch", "-"] } else { &["-batch", "-"] };
    let failed = |message: String| {
        let place = namespace.map_or(String::new(), |n| format!("-n {n} "));
        HostError::Ip { arguments: place + &arguments.join(" "), message }
    };
    let mut child = Command::new("ip")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        // Ctrl-C goes to the whole group of the terminal; it must not end the one that is cleaning up.
        .process_group(0)
        .spawn()
        .map_err(|e| if e.kind() == ErrorKind::NotFound { HostError::NoIp } else { failed(e.to_string()) })?;
    if let Some(mut stdin) = child.stdin.take() {
        // An `ip` that gave up no longer reads; what it says is on stderr.
        let _ = stdin.write_all(lines.as_bytes());
    }
    let output = child.wait_with_output().map_err(|e| failed(e.to_string()))?;
    if output.status.success() {
        return Ok(());
    }
    let said = String::from_utf8_lossy(&output.stderr);
    let mut message = said.trim().replace('\n', "; ");
    // "Command failed -:12" names the line that was refused.
    let number =
        said.split("Command failed -:").nth(1).and_then(|t| t.split_whitespace().next()?.parse::<usize>().ok());
    if let Some(line) = number.and_then(|n| lines.lines().nth(n.checked_sub(1)?)) {
        message = format!("{message} ({line})");
    }
    Err(failed(message))
}
