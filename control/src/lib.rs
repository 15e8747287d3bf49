//! The control plane of `vpcd`: what a user may ask for, and what the dataplane is told.
//!
//! A request (a template, or a call of the EC2 API) becomes calls of [`model::Model`], the only place that says what is
//! legal; [`compile::Compiler`] turns a model into the [`Topology`](vpcd_dataplane::topology::Topology) that workers read;
//! [`template::load`] reads CloudFormation; [`ec2`] answers API calls on a [`region`] in service. Start with [`model`].
//! [`cloudwatch`] shows what NAT gateways count. [`export`] writes it again. [`host`] makes the instances of a stack real on a Linux machine.
#![deny(unsafe_code)]

pub mod cloudwatch;
pub mod compile;
pub mod ec2;
pub mod export;
pub mod host;
pub mod http;
pub mod model;
pub mod region;
pub mod store;
pub mod template;
