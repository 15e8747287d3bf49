//! The dataplane as a Region sees it: what is published is what packets obey when the call returns.

use std::sync::{Arc, Mutex, PoisonError};
use vpcd_control::compile::Compiler;
use vpcd_control::model::Model;
use vpcd_control::region::Publish;
use vpcd_io::live::Live;

/// A running engine and the compiler that knows its indices.
pub(super) struct Plane {
    pub(super) live: Arc<Live>,
    pub(super) compiler: Arc<Mutex<Compiler>>,
}

impl Publish for Plane {
    fn publish(&mut self, model: &Model) {
        let compiled = self.compiler.lock().unwrap_or_else(PoisonError::into_inner).compile(model);
        self.live.publish(compiled.topology);
    }
}
