//! Second opinions on the dataplane. A newcomer reads [`model`] (the rules once more, naively), [`history`] (random
//! configurations and traffic), [`harness`] (runs both and compares) and [`examples`] (the worked examples of the rules).
#![forbid(unsafe_code)]

pub mod model;
