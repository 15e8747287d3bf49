//! From a template on the command line to a topology: what every command begins with.

use crate::report::{Failure, Outcome, warn};
use anyhow::Context;
use std::collections::BTreeMap;
use std::path::PathBuf;
use vpcd_control::compile::{Compiled, Compiler};
use vpcd_control::model::Model;
use vpcd_control::template::{self, Stack};

/// The arguments that name a template.
#[derive(clap::Args, Clone, Debug)]
pub struct TemplateArgs {
    /// CloudFormation template, YAML or JSON
    pub template: PathBuf,
    /// Value of a template parameter, instead of its default
    #[arg(long = "parameter", value_name = "NAME=VALUE", value_parser = pair)]
    pub parameters: Vec<(String, String)>,
}

/// Reads `NAME=VALUE`.
pub(crate) fn pair(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("must be NAME=VALUE")?;
    Ok((name.into(), value.into()))
}

/// A template that was read.
#[derive(Clone, Debug)]
pub struct Loaded {
    pub stack: Stack,
    /// Of the template's text: captures carry it, so that a replay can tell whether it uses the template they were made with.
    pub digest: String,
}

impl TemplateArgs {
    /// Reads the template; what it says without effect is told on stderr.
    pub fn load(&self) -> Outcome<Loaded> {
        let loaded = self.load_quietly()?;
        loaded.stack.warnings.iter().for_each(warn);
        Ok(loaded)
    }

    /// Reads the template.
    pub fn load_quietly(&self) -> Outcome<Loaded> {
        let text = self.text()?;
        let stack = template::load(&text, &self.name(), &self.parameters()).map_err(Failure::Template)?;
        Ok(Loaded { stack, digest: digest(text.as_bytes()) })
    }

    /// Reads the template into a Region that is furnished already; what it says without effect is told on stderr.
    pub fn load_into(&self, model: Model) -> Outcome<Stack> {
        let loaded = template::load_into(model, &self.text()?, &self.name(), &self.parameters());
        let stack = loaded.map_err(Failure::Template)?;
        stack.warnings.iter().for_each(warn);
        Ok(stack)
    }

    /// The Region that it is for, if it says so.
    pub fn region(&self) -> Outcome<Option<String>> {
        Ok(template::region(&self.text()?, &self.parameters()))
    }

    fn name(&self) -> String {
        self.template.display().to_string()
    }

    fn parameters(&self) -> BTreeMap<String, String> {
        self.parameters.iter().cloned().collect()
    }

    fn text(&self) -> Outcome<String> {
        let name = self.name();
        let bytes = std::fs::read(&self.template).with_context(|| format!("cannot read the template {name}"))?;
        String::from_utf8(bytes).map_err(|_| Failure::user(format_args!("{name}: the template is not UTF-8 text")))
    }
}

impl Loaded {
    /// What the dataplane is told.
    pub fn compile(&self) -> Compiled {
        Compiler::new().compile(&self.stack.model)
    }
}

/// Digest of a template's text (FNV-1a, 64 bits): tells an edited template from the one that was recorded. No defence against
/// anybody who tries.
pub fn digest(text: &[u8]) -> String {
    let hash = text.iter().fold(0xcbf2_9ce4_8422_2325_u64, |h, b| (h ^ u64::from(*b)).wrapping_mul(0x0100_0000_01b3));
    format!("{hash:016x}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digest_is_that_of_the_published_test_vectors() {
        assert_eq!(digest(b""), "cbf29ce484222325");
        assert_eq!(digest(b"foobar"), "85944171f73967e8");
    }

    #[test]
    fn parameters_are_pairs_whose_value_may_hold_anything() {
        assert_eq!(pair("A=b=c"), Ok(("A".into(), "b=c".into())));
        assert!(pair("A").is_err());
    }
}
