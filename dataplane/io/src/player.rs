//! A capture in place of a machine: played in at its own pace, while what is sent to it is written into another.

use crate::capture::{PcapngWriter, Reader, Record, to_ethernet};
use crate::port::{Device, write_finished};
use crate::sys;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};
use vpcd_wire::Frame;

/// One worker's handle of a capture. The first frame comes at once, each other as long after it as its time says; one that is older than the one
/// before it comes right behind that.
pub struct Player {
    input: Option<Box<Input>>,
    output: Option<Arc<Mutex<PcapngWriter>>>,
    scratch: Frame,
}

struct Input {
    capture: Reader,
    /// Runs out when the next frame is due.
    timer: File,
    next: Record,
    /// `next` was read and not handed out yet.
    waits: bool,
    /// When the first frame came, and the time it has in the capture.
    began: Option<(Instant, u64)>,
}

impl Player {
    /// That many handles for as many workers. The first one plays `input`; all write into `output`, and swallow what is sent if there is none.
    pub fn open(input: Option<Reader>, output: Option<PcapngWriter>, handles: usize) -> io::Result<Vec<Player>> {
        let output = output.map(|o| Arc::new(Mutex::new(o)));
        let mut input = input.map(Input::new).transpose()?;
        let player = |_| Player { input: input.take(), output: output.clone(), scratch: Frame::default() };
        Ok((0..handles).map(player).collect())
    }

    /// Where it writes to.
    pub(crate) fn output(&self) -> Option<Arc<Mutex<PcapngWriter>>> {
        self.output.clone()
    }
}

impl Input {
    fn new(capture: Reader) -> io::Result<Box<Input>> {
        let timer = sys::timer()?;
        sys::set_timer(&timer, Some(Duration::ZERO))?;
        Ok(Box::new(Input { capture, timer, next: Record::default(), waits: false, began: None }))
    }

    /// Whether `next` holds a frame that is due; if not, the timer runs until it is, or stands still at the end.
    fn is_due(&mut self) -> io::Result<bool> {
        if !self.waits {
            self.waits = self.capture.read_into(&mut self.next).map_err(io::Error::other)?;
        }
        if !self.waits {
            sys::set_timer(&self.timer, None)?;
            return Ok(false);
        }
        let (began, first) = *self.began.get_or_insert_with(|| (Instant::now(), self.next.ts));
        let due = Duration::from_nanos(self.next.ts.saturating_sub(first));
        let early = due.saturating_sub(began.elapsed());
        if !early.is_zero() {
            sys::set_timer(&self.timer, Some(early))?;
        }
        Ok(early.is_zero())
    }
}

impl Device for Player {
    fn read(&mut self, frame: &mut Frame) -> io::Result<bool> {
        let Some(input) = &mut self.input else { return Ok(false) };
        if !input.is_due()? {
            return Ok(false);
        }
        input.waits = false;
        to_ethernet(&input.next, frame).map_err(|error| io::Error::new(io::ErrorKind::Unsupported, error))?;
        Ok(true)
    }

    fn write(&mut self, frame: &Frame) -> io::Result<bool> {
        if let Some(output) = &self.output {
            // A writer that panicked elsewhere is still a writer.
            let mut output = output.lock().unwrap_or_else(PoisonError::into_inner);
            write_finished(&mut output, frame, &mut self.scratch, None).map_err(io::Error::other)?;
        }
        Ok(true)
    }

    fn fd(&self) -> Option<RawFd> {
        self.input.as_ref().map(|input| input.timer.as_raw_fd())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capture::SectionInfo;
    use crate::poll::Poller;
    use crate::port::{DevicePort, Pool, Port};
    use std::io::{Cursor, Write};

    /// Bytes that outlive the writer.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().write(bytes)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn capture(times: &[u64]) -> Vec<u8> {
        let kept = Kept::default();
        let mut writer = PcapngWriter::from_write("input", kept.clone(), &SectionInfo::default()).unwrap();
        for (n, ts) in times.iter().enumerate() {
            writer.write(*ts, &[n as u8; 60], 0, None).unwrap();
        }
        writer.flush().unwrap();
        drop(writer);
        kept.0.lock().unwrap().clone()
    }

    fn reader(bytes: Vec<u8>) -> Reader {
        Reader::from_read("input", Cursor::new(bytes)).unwrap()
    }

    #[test]
    fn frames_come_at_the_pace_of_the_capture() {
        const MS: u64 = 1_000_000;
        let start = 1_700_000_000_000 * MS;
        let times = [0, 0, 60, 30, 120].map(|ms| start + ms * MS);
        let handles = Player::open(Some(reader(capture(&times))), None, 2).unwrap();
        let pool = Pool::new(8, 100);
        let mut ports: Vec<_> = handles.into_iter().map(|p| DevicePort::new(p, 3, pool.clone())).collect();
        assert!(ports[1].fd().is_none() && ports[1].recv(&mut Vec::new(), 9).unwrap() == 0);
        let mut poller = Poller::new().unwrap();
        poller.add(ports[0].fd().unwrap(), 7).unwrap();
        let (began, mut ready) = (Instant::now(), Vec::new());
        let (mut frames, mut came, mut rounds) = (Vec::new(), Vec::new(), 0);
        while frames.len() < times.len() {
            poller.wait(&mut ready, Some(5000)).unwrap();
            assert_eq!(ready, [7], "the timer says when there is something");
            ports[0].recv(&mut frames, 9).unwrap();
            came.resize(frames.len(), began.elapsed().as_millis() as u64);
            rounds += 1;
        }
        let numbers: Vec<u8> = frames.iter().map(|f| f.bytes()[0]).collect();
        assert_eq!((numbers, frames[0].port), (vec![0, 1, 2, 3, 4], 3));
        assert!(came[2] >= 59 && came[2] == came[3] && came[4] >= 119, "{came:?}");
        assert!(rounds <= 5, "nobody looks in vain: {rounds}");
        poller.wait(&mut ready, Some(0)).unwrap();
        assert_eq!((ready.len(), ports[0].recv(&mut frames, 9).unwrap()), (0, 0), "after the end the timer is silent");
    }

    #[test]
    fn all_handles_write_into_one_capture() {
        let kept = Kept::default();
        let writer = PcapngWriter::from_write("output", kept.clone(), &SectionInfo::default()).unwrap();
        let mut handles = Player::open(None, Some(writer), 2).unwrap();
        for (n, handle) in handles.iter_mut().enumerate() {
            let mut frame = Frame::from_bytes(&[n as u8; 60]);
            frame.ts = 5 + n as u64;
            assert!(handle.write(&frame).unwrap() && handle.fd().is_none());
        }
        handles[0].output().unwrap().lock().unwrap().flush().unwrap();
        let bytes = kept.0.lock().unwrap().clone();
        let records: Vec<_> = reader(bytes).map(|r| r.map(|r| (r.ts, r.data[0])).unwrap()).collect();
        assert_eq!(records, [(5, 0), (6, 1)]);
    }

    #[test]
    fn a_broken_capture_plays_what_is_good_then_fails() {
        let mut bytes = capture(&[1, 2]);
        bytes.truncate(bytes.len() - 1);
        let mut handles = Player::open(Some(reader(bytes)), None, 1).unwrap();
        let mut frame = Frame::default();
        assert!(handles[0].read(&mut frame).unwrap());
        assert!(handles[0].read(&mut frame).unwrap_err().to_string().contains("the file ends within"));
    }
}
