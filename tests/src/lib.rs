//! Second opinions on the dataplane. A newcomer reads [`model`] (the rules once more, naively), [`history`] (random
//! configurations and traffic), [`harness`] (runs both and compares), [`examples`] (the worked
//! examples of the rules) and [`build`] (a model's world as the dataplane's tables).
#![forbid(unsafe_code)]

pub mod build;
pub mod examples;
pub mod harness;
pub mod history;
pub mod model;
