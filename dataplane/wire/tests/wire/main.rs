//! Tests of the crate from outside: what each protocol looks like to the parser, what rewriting
//! and the builders write, and that no bytes whatever make any of it panic.

mod answers;
mod differential;
mod fragments;
mod hostile;
mod quotes;
mod reasons;
mod rewrites;
mod support;
