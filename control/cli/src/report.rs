//! How a command ends: 0 all went well, 1 something the user can mend (or a disagreement), 2 the command line makes no sense.

use std::fmt;
use std::io::{self, ErrorKind, Write};
use std::process::ExitCode;
use vpcd_control::template::TemplateError;

/// Why a command gave up.
#[derive(Debug)]
pub enum Failure {
    /// The command line makes no sense: exit status 2.
    Usage(String),
    /// The template is wrong in these places.
    Template(Vec<TemplateError>),
    /// Anything else that the user can mend.
    User(anyhow::Error),
}

/// What a command answers.
pub type Outcome<T = ()> = Result<T, Failure>;

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        Failure::User(error)
    }
}

impl From<vpcd_io::capture::CaptureError> for Failure {
    fn from(error: vpcd_io::capture::CaptureError) -> Failure {
        Failure::User(error.into())
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage(text) => write!(f, "error: {text}"),
            // With the chain of causes, on one line.
            Failure::User(error) => write!(f, "error: {error:#}"),
            Failure::Template(errors) => {
                for error in errors {
                    writeln!(f, "{error}")?;
                }
                let s = if errors.len() == 1 { "" } else { "s" };
                write!(f, "error: {} error{s} in the template; nothing was started", errors.len())
            }
        }
    }
}

impl Failure {
    /// A failure that the user can mend.
    pub fn user(text: impl fmt::Display) -> Failure {
        Failure::User(anyhow::anyhow!("{text}"))
    }
}

/// Says what went wrong on stderr; the exit status.
pub fn finish(outcome: Outcome) -> ExitCode {
    let Err(failure) = outcome else { return ExitCode::SUCCESS };
    // A closed stderr has nobody to tell.
    let _ = writeln!(io::stderr(), "{failure}");
    match failure {
        Failure::Usage(_) => ExitCode::from(2),
        _ => ExitCode::FAILURE,
    }
}

/// Prints to stdout. A reader that has gone away (`| head`) is no failure.
pub fn print(text: &str) -> Outcome {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(e) if e.kind() != ErrorKind::BrokenPipe => Err(Failure::user(format_args!("cannot write to stdout: {e}"))),
        _ => Ok(()),
    }
}

/// Says something that is no failure on stderr.
pub fn warn(text: impl fmt::Display) {
    let _ = writeln!(io::stderr(), "warning: {text}");
}
