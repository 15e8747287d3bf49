//! Templates as anybody might write them: read or refused, and what is read compiles.
#![no_main]

use libfuzzer_sys::fuzz_target;
use std::collections::BTreeMap;
use vpcd_control::compile::Compiler;
use vpcd_control::template;

fuzz_target!(|data: &[u8]| {
    let Ok(text) = std::str::from_utf8(data) else { return };
    match template::load(text, "t.yaml", &BTreeMap::new()) {
        Ok(stack) => drop(Compiler::new().compile(&stack.model)),
        Err(errors) => assert!(!errors.is_empty()),
    }
});
