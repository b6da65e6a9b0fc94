//! The arguments of file transfers, and of the options that vouchers bring.

use crate::codec::{
    Array, Codec, Flag, Inner, Moment, Name, Number, Numbered, Perhaps, Signed, Text, KEY, NAME,
};
use crate::error::ReadError;
use crate::reader::Reader;
use crate::table::record;
use crate::write::Out;

record! {
    /// The arguments of Download.
    pub struct Download = "Download" {
        /// CommandKey.
        command_key: String = "CommandKey" Text<KEY>,
        /// FileType.
        file_type: String = "FileType" Numbered,
        /// Where the file is.
        url: String = "URL" Name<NAME>,
        /// For the file server; empty for none.
        username: String = "Username" Text<256>,
        /// For the file server.
        password: String = "Password" Text<256>,
        /// Bytes, 0 if not known.
        file_size: u32 = "FileSize" Number,
        /// What to call it here; empty for any name.
        target_file_name: String = "TargetFileName" Text<256>,
        /// Seconds from now.
        delay: u32 = "DelaySeconds" Number,
        /// Where a browser goes when it has worked.
        success_url: String = "SuccessURL" Name<NAME>,
        /// Where a browser goes when it has not.
        failure_url: String = "FailureURL" Name<NAME>,
    }
}

record! {
    /// The arguments of Upload.
    pub struct Upload = "Upload" {
        /// CommandKey.
        command_key: String = "CommandKey" Text<KEY>,
        /// FileType.
        file_type: String = "FileType" Numbered,
        /// Where the file goes.
        url: String = "URL" Name<NAME>,
        /// For the file server; empty for none.
        username: String = "Username" Text<256>,
        /// For the file server.
        password: String = "Password" Text<256>,
        /// Seconds from now.
        delay: u32 = "DelaySeconds" Number,
    }
}

record! {
    /// The arguments of ScheduleDownload.
    pub struct ScheduleDownload = "ScheduleDownload" {
        /// CommandKey.
        command_key: String = "CommandKey" Text<KEY>,
        /// FileType.
        file_type: String = "FileType" Numbered,
        /// Where the file is.
        url: String = "URL" Name<NAME>,
        /// For the file server; empty for none.
        username: String = "Username" Text<256>,
        /// For the file server.
        password: String = "Password" Text<256>,
        /// Bytes, 0 if not known.
        file_size: u32 = "FileSize" Number,
        /// What to call it here; empty for any name.
        target_file_name: String = "TargetFileName" Text<256>,
        /// When it may be, one or two.
        windows: Vec<TimeWindow> = "TimeWindowList" Array<TimeWindow, 1, 2>,
    }
}

record! {
    /// When a scheduled download may happen.
    pub struct TimeWindow = "TimeWindowStruct" {
        /// Seconds from now to its start.
        start: u32 = "WindowStart" Number,
        /// Seconds from now to its end.
        end: u32 = "WindowEnd" Number,
        /// `1 At Any Time` and the like.
        mode: String = "WindowMode" Numbered,
        /// What to ask the user.
        user_message: String = "UserMessage" Text<256>,
        /// Tries after the first; -1 is the device's choice.
        max_retries: i32 = "MaxRetries" Signed,
    }
}

record! {
    /// The answer to Download and Upload.
    pub struct TransferAnswer = "TransferAnswer" {
        /// 0: done; 1: it will be, and a TransferComplete follows.
        status: u32 = "Status" Number<0, 1>,
        /// When it started, or the Unknown Time.
        start_time: String = "StartTime" Moment,
        /// When it was complete, or the Unknown Time.
        complete_time: String = "CompleteTime" Moment,
    }
}

record! {
    /// A transfer in GetQueuedTransfersResponse.
    pub struct QueuedTransfer = "QueuedTransferStruct" {
        /// CommandKey.
        command_key: String = "CommandKey" Text<KEY>,
        /// 1: not yet started; 2: in progress; 3: completed.
        state: u32 = "State" Number<1, 3>,
    }
}

record! {
    /// A transfer in GetAllQueuedTransfersResponse.
    pub struct AnyQueuedTransfer = "AllQueuedTransferStruct" {
        /// CommandKey.
        command_key: String = "CommandKey" Text<KEY>,
        /// 1: not yet started; 2: in progress; 3: completed.
        state: u32 = "State" Number<1, 3>,
        /// Whether it comes to the device.
        is_download: bool = "IsDownload" Flag,
        /// FileType.
        file_type: String = "FileType" Numbered,
        /// Bytes, 0 if not known.
        file_size: u32 = "FileSize" Number,
        /// Its name here.
        target_file_name: String = "TargetFileName" Text<256>,
    }
}

record! {
    /// The arguments of TransferComplete.
    pub struct TransferComplete = "TransferComplete" {
        /// CommandKey.
        command_key: String = "CommandKey" Text<KEY>,
        /// What went wrong, if anything did.
        fault: TransferFault = "FaultStruct" Inner<TransferFault>,
        /// When it started, or the Unknown Time.
        start_time: String = "StartTime" Moment,
        /// When it was complete, or the Unknown Time.
        complete_time: String = "CompleteTime" Moment,
    }
}

record! {
    /// The arguments of AutonomousTransferComplete.
    pub struct AutonomousTransferComplete = "AutonomousTransferComplete" {
        /// Where the file was announced.
        announce_url: String = "AnnounceURL" Name<1024>,
        /// Where it came from or went.
        transfer_url: String = "TransferURL" Name<1024>,
        /// Whether it came to the device.
        is_download: bool = "IsDownload" Flag,
        /// FileType.
        file_type: String = "FileType" Numbered,
        /// Bytes, 0 if not known.
        file_size: u32 = "FileSize" Number,
        /// Its name here.
        target_file_name: String = "TargetFileName" Text<256>,
        /// What went wrong, if anything did.
        fault: TransferFault = "FaultStruct" Inner<TransferFault>,
        /// When it started, or the Unknown Time.
        start_time: String = "StartTime" Moment,
        /// When it was complete, or the Unknown Time.
        complete_time: String = "CompleteTime" Moment,
    }
}

record! {
    /// What became of a transfer.
    pub struct TransferFault = "FaultStruct" {
        /// 0, or a fault code that is allowed for transfers; another one is sent as its nearest relation.
        code: u32 = "FaultCode" TransferCode,
        /// What happened; empty for no fault.
        text: String = "FaultString" Text<256>,
    }
}

record! {
    /// One argument of RequestDownload.
    pub struct FileArgument = "ArgStruct" {
        /// Its name.
        name: String = "Name" Name<64>,
        /// Its value.
        value: String = "Value" Text<256>,
    }
}

record! {
    /// An option in GetOptionsResponse.
    pub struct DeviceOption = "OptionStruct" {
        /// Its name.
        name: String = "OptionName" Name<64>,
        /// The number of the voucher that brought it.
        voucher: u32 = "VoucherSN" Number,
        /// Bit 0: enabled; bit 1: set up.
        state: u32 = "State" Number<0, 3>,
        /// 0: disabled; 1: enabled until it expires; 2: enabled.
        mode: u32 = "Mode" Number<0, 2>,
        /// StartDate.
        start: String = "StartDate" Moment,
        /// ExpirationDate.
        expiration: Option<String> = "ExpirationDate" Perhaps<Moment>,
        /// 0 or 1.
        is_transferable: u32 = "IsTransferable" Number<0, 1>,
    }
}

/// A fault code of a transfer.
struct TransferCode;

impl Codec for TransferCode {
    type Value = u32;

    fn read(reader: &mut Reader<'_, '_>) -> Result<u32, ReadError> {
        Number::<0>::read(reader)
    }

    fn write(value: &u32, name: &str, out: &mut Out) {
        let code = transfer_code(*value, out.namespace);
        Number::<0>::write(&code, name, out);
    }
}

/// C2: a code that the namespace's schema allows for transfers.
fn transfer_code(code: u32, namespace: u8) -> u32 {
    match (code, namespace) {
        (0 | 9001 | 9002 | 9010..=9012, _) | (9014..=9899, 1) | (9014..=9020 | 9033..=9899, 2..) => code,
        // Contact, access and the like are failed downloads to an older ACS.
        (9013..=9020, _) => 9010,
        _ => 9002,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// C2: an ACS is told no code that its version does not have.
    #[test]
    fn a_code_that_the_namespace_lacks_becomes_its_relation() {
        let codes = |namespace| [0, 9001, 9012, 9013, 9018, 9021, 9800].map(|c| transfer_code(c, namespace));
        assert_eq!(codes(0), [0, 9001, 9012, 9010, 9010, 9002, 9002]);
        assert_eq!(codes(1), [0, 9001, 9012, 9010, 9018, 9021, 9800]);
        assert_eq!(codes(2), [0, 9001, 9012, 9010, 9018, 9002, 9800]);
    }
}
