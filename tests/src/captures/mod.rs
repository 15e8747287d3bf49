//! Captures that other people made, judged twice: by the built `vpcd replay` and by the reference [`model`](crate::model).
//!
//! One host of a capture takes the place of a port (`host=`), and everything it sent and got goes through the VPC of a
//! template. Both sides start from the same two files, the template and the capture, and share nothing after reading
//! them: [`read`] turns records into frames in order of time, [`host`] chooses the host and exchanges its address,
//! [`world`] reads the template's resources as the model's lists, [`product`] runs the program and reads what it left
//! behind, [`judge`] holds the two against each other frame by frame, [`tally`] adds up. The driver is `judge-captures`.

pub mod host;
pub mod judge;
pub mod product;
pub mod read;
pub mod tally;
pub mod world;
