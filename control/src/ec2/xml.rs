//! Writes the XML of answers.

use std::fmt::{Display, Write as _};

/// Text of an answer under construction: elements without attributes, as EC2 answers are.
#[derive(Debug, Default)]
pub struct Xml {
    out: String,
}

impl Xml {
    /// What was written.
    pub fn into_text(self) -> String {
        self.out
    }

    /// `<name>value</name>`, escaped.
    pub fn put(&mut self, name: &str, value: impl Display) {
        self.open(name);
        // Writing to a string does not fail.
        let _ = write!(Escape(&mut self.out), "{value}");
        self.close(name);
    }

    /// [`Xml::put`] if there is a value.
    pub fn maybe(&mut self, name: &str, value: Option<impl Display>) {
        if let Some(value) = value {
            self.put(name, value);
        }
    }

    /// An element with elements inside.
    pub fn within(&mut self, name: &str, inside: impl FnOnce(&mut Xml)) {
        self.open(name);
        inside(self);
        self.close(name);
    }

    /// A list: one `<item>` for each, written by `each`.
    pub fn list<T>(&mut self, name: &str, items: impl IntoIterator<Item = T>, mut each: impl FnMut(&mut Xml, T)) {
        self.within(name, |x| items.into_iter().for_each(|i| x.within("item", |x| each(x, i))));
    }

    /// A list of texts.
    pub fn texts(&mut self, name: &str, items: impl IntoIterator<Item = impl Display>) {
        self.within(name, |x| items.into_iter().for_each(|i| x.put("item", i)));
    }

    /// `<return>true</return>`.
    pub fn done(&mut self) {
        self.put("return", true);
    }

    /// A time, given in milliseconds of the Unix epoch.
    pub fn time(&mut self, name: &str, ms: u64) {
        self.put(name, timestamp(ms));
    }

    fn open(&mut self, name: &str) {
        self.out.push('<');
        self.out.push_str(name);
        self.out.push('>');
    }

    fn close(&mut self, name: &str) {
        self.out.push_str("</");
        self.out.push_str(name);
        self.out.push('>');
    }
}

/// `2026-11-28T03:24:42.000Z`.
pub fn timestamp(ms: u64) -> String {
    let (days, rest) = (ms / 86_400_000, ms % 86_400_000);
    // Civil date from days (proleptic Gregorian), counted in 400-year eras that begin on 1 March.
    let z = days + 719_468;
    let (era, doe) = (z / 146_097, z % 146_097);
    let yoe = (doe - doe / 1460 + doe / 36_524 - doe / 146_096) / 365;
    let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
    let mp = (5 * doy + 2) / 153;
    let (day, month) = (doy - (153 * mp + 2) / 5 + 1, if mp < 10 { mp + 3 } else { mp - 9 });
    let year = yoe + era * 400 + u64::from(month <= 2);
    let (h, m, s, milli) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60, rest % 1000);
    format!("{year:04}-{month:02}-{day:02}T{h:02}:{m:02}:{s:02}.{milli:03}Z")
}

struct Escape<'a>(&'a mut String);

impl std::fmt::Write for Escape<'_> {
    fn write_str(&mut self, text: &str) -> std::fmt::Result {
        for c in text.chars() {
            match c {
                '<' => self.0.push_str("&lt;"),
                '>' => self.0.push_str("&gt;"),
                '&' => self.0.push_str("&amp;"),
                '"' => self.0.push_str("&quot;"),
                '\'' => self.0.push_str("&apos;"),
                '\t' | '\n' | '\r' => write!(self.0, "&#{};", c as u32)?,
                // XML 1.0 has no form for the other controls, escaped or not.
                c if (c as u32) < 0x20 || matches!(c, '\u{fffe}' | '\u{ffff}') => self.0.push('\u{fffd}'),
                c => self.0.push(c),
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_is_escaped() {
        let mut x = Xml::default();
        x.put("a", "<&>\"'\n\u{1}é");
        assert_eq!(x.into_text(), "<a>&lt;&amp;&gt;&quot;&apos;&#10;\u{fffd}é</a>");
    }

    #[test]
    fn lists_have_items() {
        let mut x = Xml::default();
        x.list("vpcSet", [1, 2], |x, i| x.put("n", i));
        x.texts("none", Vec::<u8>::new());
        assert_eq!(x.into_text(), "<vpcSet><item><n>1</n></item><item><n>2</n></item></vpcSet><none></none>");
    }

    #[test]
    fn times_are_dates() {
        assert_eq!(timestamp(0), "1970-01-01T00:00:00.000Z");
        assert_eq!(timestamp(951_782_400_000), "2000-02-29T00:00:00.000Z");
        assert_eq!(timestamp(1_795_836_282_042), "2026-11-28T03:24:42.042Z");
    }
}
