use crate::Frame;
pub fn complete_checksum(_frame: &mut Frame) {}
