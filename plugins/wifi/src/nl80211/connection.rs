//! Questions and orders to the kernel, each with its time.

use std::cell::RefCell;
use std::fmt::Debug;
use std::time::Duration;

use futures_util::{Stream, StreamExt as _};
use nix::errno::Errno;
use tokio::task::JoinHandle;
use wl_nl80211::packet_core::{
    DecodeError, Emitable, NetlinkMessage, NetlinkPayload, ParseableParametrized, NLM_F_ACK, NLM_F_DUMP,
    NLM_F_DUMP_INTR, NLM_F_REQUEST,
};
use wl_nl80211::packet_generic::ctrl::nlas::{GenlCtrlAttrs, McastGrpAttrs};
use wl_nl80211::packet_generic::ctrl::{GenlCtrl, GenlCtrlCmd};
use wl_nl80211::packet_generic::{GenlFamily, GenlHeader, GenlMessage};
use wl_nl80211::{Nl80211Attr, Nl80211Command, Nl80211Handle};

use super::attribute::Attributes;
use crate::back_end::Failure;

/// What the kernel calls its WiFi.
pub(super) const FAMILY: &str = "nl80211";
/// How we call it in failures.
pub(super) const WHO: &str = "the kernel's nl80211";
/// How long the kernel may think: some drivers talk to their hardware meanwhile.
const PATIENCE: Duration = Duration::from_secs(5);
/// How often a dump is begun again because something changed meanwhile. After that it is taken as it is.
const DUMPS: usize = 5;
/// The most messages of one answer.
const MAX_MESSAGES: usize = 8_192;

/// A message of nl80211; its attributes stay as they are until somebody reads one.
#[derive(Debug, Clone)]
pub(super) struct Message {
    pub(super) command: Nl80211Command,
    bytes: Vec<u8>,
}

impl Message {
    pub(super) fn new(command: Nl80211Command) -> Self {
        Self { command, bytes: Vec::new() }
    }

    /// With attributes that somebody wrote.
    #[cfg(test)]
    pub(super) fn of(command: Nl80211Command, attributes: &[u8]) -> Self {
        Self { command, bytes: attributes.to_vec() }
    }

    pub(super) fn with(mut self, attribute: &Nl80211Attr) -> Self {
        let begin = self.bytes.len();
        self.bytes.resize(begin + attribute.buffer_len(), 0);
        attribute.emit(&mut self.bytes[begin..]);
        self
    }

    pub(super) fn attributes(&self) -> Attributes<'_> {
        Attributes::new(&self.bytes)
    }
}

impl GenlFamily for Message {
    fn family_name() -> &'static str {
        FAMILY
    }

    fn command(&self) -> u8 {
        self.command.into()
    }

    fn version(&self) -> u8 {
        1
    }
}

impl Emitable for Message {
    fn buffer_len(&self) -> usize {
        self.bytes.len()
    }

    fn emit(&self, buffer: &mut [u8]) {
        buffer[..self.bytes.len()].copy_from_slice(&self.bytes);
    }
}

impl ParseableParametrized<[u8], GenlHeader> for Message {
    fn parse_with_param(bytes: &[u8], header: GenlHeader) -> Result<Self, DecodeError> {
        Ok(Self { command: header.cmd.into(), bytes: bytes.to_vec() })
    }
}

/// Where nl80211 is in this kernel at this moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Family {
    pub(super) id: u16,
    /// What can be listened to, with numbers.
    pub(super) groups: Vec<(String, u32)>,
}

/// Why there is no answer.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The kernel says no.
    Refused(Errno),
    /// It cannot be asked.
    Failed(Failure),
}

impl From<Failure> for Trouble {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<Trouble> for Failure {
    fn from(trouble: Trouble) -> Self {
        match trouble {
            Trouble::Failed(failure) => failure,
            Trouble::Refused(Errno::EOPNOTSUPP) => {
                Self::Impossible("the driver of the radio cannot do that".to_owned())
            }
            Trouble::Refused(Errno::ENODEV) => {
                Self::Refused("there is no such radio or interface".to_owned())
            }
            Trouble::Refused(errno) => Self::Refused(format!("the kernel says: {}", errno.desc())),
        }
    }
}

/// A socket for questions and orders; a new one where the old one broke.
#[derive(Debug)]
pub(super) struct Connection {
    open: RefCell<Open>,
}

#[derive(Debug)]
struct Open {
    handle: Nl80211Handle,
    task: JoinHandle<()>,
}

impl Open {
    fn new() -> Result<Self, Failure> {
        let (mut connection, handle, _) = wl_nl80211::new_connection().map_err(|_| Failure::Away(WHO))?;
        // Its end is where a dump says that it failed.
        connection.set_forward_done(true);
        Ok(Self { handle, task: tokio::task::spawn_local(connection) })
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Connection {
    pub(super) fn open() -> Result<Self, Failure> {
        Ok(Self { open: RefCell::new(Open::new()?) })
    }

    /// Where nl80211 is; `None` where this kernel has no WiFi, at this moment.
    pub(super) async fn family(&self) -> Result<Option<Family>, Failure> {
        const CONTROLLER: u16 = 0x10;
        let nlas = vec![GenlCtrlAttrs::FamilyName(FAMILY.to_owned())];
        let question = GenlCtrl { cmd: GenlCtrlCmd::GetFamily, nlas };
        match self.exchange(CONTROLLER, question, 0).await {
            Ok((answers, _)) => Ok(answers.into_iter().find_map(|answer| read_family(answer.nlas))),
            Err(Trouble::Refused(Errno::ENOENT)) => Ok(None),
            Err(trouble) => Err(trouble.into()),
        }
    }

    /// The family, where one is needed.
    async fn id(&self) -> Result<u16, Trouble> {
        let none = || Failure::Impossible("this kernel has no WiFi".to_owned());
        Ok(self.family().await?.ok_or_else(none)?.id)
    }

    /// Asks for everything of one sort.
    pub(super) async fn dump(&self, question: Message) -> Result<Vec<Message>, Trouble> {
        let id = self.id().await?;
        for _ in 1..DUMPS {
            let (answers, interrupted) = self.exchange(id, question.clone(), NLM_F_DUMP).await?;
            if !interrupted {
                return Ok(answers);
            }
        }
        Ok(self.exchange(id, question, NLM_F_DUMP).await?.0)
    }

    /// Asks for one thing.
    pub(super) async fn ask(&self, question: Message) -> Result<Message, Trouble> {
        let (answers, _) = self.exchange(self.id().await?, question, 0).await?;
        answers.into_iter().next().ok_or(Trouble::Refused(Errno::ENOENT))
    }

    /// Gives an order. What the kernel says of it besides yes is returned.
    pub(super) async fn act(&self, order: Message) -> Result<Vec<Message>, Trouble> {
        Ok(self.exchange(self.id().await?, order, NLM_F_ACK).await?.0)
    }

    /// Sends a message and collects what comes back, and whether that is not all of one moment.
    async fn exchange<F>(&self, family: u16, payload: F, flags: u16) -> Result<(Vec<F>, bool), Trouble>
    where
        F: GenlFamily + Emitable + ParseableParametrized<[u8], GenlHeader> + Debug,
    {
        let mut message = GenlMessage::from_payload(payload);
        message.set_resolved_family_id(family);
        let mut message = NetlinkMessage::from(message);
        message.header.flags = NLM_F_REQUEST | flags;
        let stream = self.handle()?.handle.send_request(message).map_err(|_| Failure::Away(WHO))?;
        collect(stream, PATIENCE).await
    }

    fn handle(&self) -> Result<Nl80211Handle, Failure> {
        let mut open = self.open.borrow_mut();
        if open.task.is_finished() {
            *open = Open::new()?;
        }
        Ok(open.handle.clone())
    }
}

/// What comes back within a time, and whether it is not all of one moment.
async fn collect<F: Debug>(
    answers: impl Stream<Item = Result<NetlinkMessage<GenlMessage<F>>, DecodeError>>,
    patience: Duration,
) -> Result<(Vec<F>, bool), Trouble> {
    let mut answers = std::pin::pin!(answers);
    let collect = async {
        let (mut all, mut interrupted) = (Vec::new(), false);
        while let Some(answer) = answers.next().await {
            // One that makes no sense costs itself alone.
            let Ok(answer) = answer else { continue };
            interrupted |= answer.header.flags & NLM_F_DUMP_INTR != 0;
            match answer.payload {
                NetlinkPayload::InnerMessage(inner) if all.len() < MAX_MESSAGES => {
                    all.push(inner.into_parts().1);
                }
                NetlinkPayload::Error(error) => refused(error.raw_code())?,
                NetlinkPayload::Done(done) => refused(done.code)?,
                _ => {}
            }
        }
        Ok((all, interrupted))
    };
    tokio::time::timeout(patience, collect).await.map_err(|_| Trouble::Failed(Failure::Away(WHO)))?
}

/// The kernel says no by a negative number.
fn refused(code: i32) -> Result<(), Trouble> {
    match code {
        0.. => Ok(()),
        _ => Err(Trouble::Refused(Errno::from_raw(code.wrapping_neg()))),
    }
}

fn read_family(attributes: Vec<GenlCtrlAttrs>) -> Option<Family> {
    let (mut id, mut groups) = (None, Vec::new());
    for attribute in attributes {
        match attribute {
            GenlCtrlAttrs::FamilyId(number) => id = Some(number),
            GenlCtrlAttrs::McastGroups(all) => {
                groups.extend(all.iter().filter_map(|group| read_group(group)));
            }
            _ => {}
        }
    }
    Some(Family { id: id?, groups })
}

fn read_group(attributes: &[McastGrpAttrs]) -> Option<(String, u32)> {
    let (mut name, mut number) = (None, None);
    for attribute in attributes {
        match attribute {
            McastGrpAttrs::Name(text) => name = Some(text.clone()),
            McastGrpAttrs::Id(id) => number = Some(*id),
        }
    }
    Some((name?, number?))
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::stream;
    use wl_nl80211::packet_core::{DoneMessage, ErrorMessage, NetlinkHeader};

    type Answer = Result<NetlinkMessage<GenlMessage<Message>>, DecodeError>;

    fn answer(
        flags: u16,
        payload: NetlinkPayload<GenlMessage<Message>>,
    ) -> NetlinkMessage<GenlMessage<Message>> {
        let mut header = NetlinkHeader::default();
        header.flags = flags;
        NetlinkMessage::new(header, payload)
    }

    fn one() -> NetlinkPayload<GenlMessage<Message>> {
        NetlinkPayload::InnerMessage(GenlMessage::from_payload(Message::new(Nl80211Command::NewWiphy)))
    }

    fn done(code: i32) -> NetlinkPayload<GenlMessage<Message>> {
        let mut done = DoneMessage::default();
        done.code = code;
        NetlinkPayload::Done(done)
    }

    fn take(answers: Vec<Answer>) -> Result<(usize, bool), Trouble> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let taken = runtime.block_on(collect(stream::iter(answers), PATIENCE));
        taken.map(|(messages, interrupted)| (messages.len(), interrupted))
    }

    #[test]
    fn an_answer_is_all_its_messages() {
        let broken = || Err(DecodeError::from("nonsense"));
        assert!(matches!(
            take(vec![Ok(answer(0, one())), broken(), Ok(answer(0, one())), Ok(answer(0, done(0)))]),
            Ok((2, false))
        ));
        assert!(matches!(
            take(vec![Ok(answer(NLM_F_DUMP_INTR, one())), Ok(answer(0, done(0)))]),
            Ok((1, true))
        ));
    }

    #[test]
    fn a_dump_says_at_its_end_that_it_failed() {
        let no = take(vec![Ok(answer(0, one())), Ok(answer(0, done(-(Errno::ENODEV as i32))))]);
        assert!(matches!(no, Err(Trouble::Refused(Errno::ENODEV))));
        let mut error = ErrorMessage::default();
        error.code = std::num::NonZeroI32::new(-(Errno::EPERM as i32));
        assert!(matches!(
            take(vec![Ok(answer(0, NetlinkPayload::Error(error)))]),
            Err(Trouble::Refused(Errno::EPERM))
        ));
        assert!(matches!(refused(i32::MIN), Err(Trouble::Refused(_))), "a number that is none");
    }

    #[test]
    fn an_answer_has_an_end() {
        let many = (0..=MAX_MESSAGES).map(|_| Ok(answer(0, one()))).collect();
        assert!(matches!(take(many), Ok((MAX_MESSAGES, false))));
    }

    #[test]
    fn a_kernel_that_does_not_answer_is_away() {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        let never = stream::pending::<Answer>();
        let away = runtime.block_on(collect(never, Duration::from_millis(1)));
        assert!(matches!(away, Err(Trouble::Failed(Failure::Away(WHO)))));
    }
}
