//! Second opinions on the dataplane. A newcomer reads [`model`] (the rules once more, naively), [`history`] (random
//! configurations and traffic), [`harness`] (runs both and compares), [`examples`] (the worked
//! examples of the rules), [`build`] (a model's world as the dataplane's tables) and [`captures`] (what other people
//! captured, through the built program and the model).
#![forbid(unsafe_code)]

pub mod build;
#[cfg(feature = "captures")]
pub mod captures;
pub mod examples;
pub mod harness;
pub mod history;
pub mod model;
