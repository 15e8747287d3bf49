//! The commands as a user runs them: the built binary, templates of `docs/examples`, captures made here.

mod check;
mod docs;
mod explain;
mod foreign;
mod inputs;
mod replay;
mod scenarios;
mod support;
