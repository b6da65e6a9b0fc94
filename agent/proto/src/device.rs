//! What a device asks of its ACS, and how it answers.

use cwmp_model::Value;

use crate::codec::{Array, Many, Name, Number, Numbered, OrEmpty, Strings, Text, KEY};
use crate::deployment::{AutonomousResult, OperationResult};
use crate::table::messages;
use crate::transfer::{
    AnyQueuedTransfer, AutonomousTransferComplete, DeviceOption, FileArgument, QueuedTransfer,
    TransferAnswer, TransferComplete,
};

messages! {
    /// A request of the device, but for the Inform.
    pub enum CpeRequest, suffix "" {
        /// GetRPCMethods.
        GetRpcMethods = "GetRPCMethods", since 0;
        /// TransferComplete.
        TransferComplete = "TransferComplete", since 0 (transfer: TransferComplete);
        /// AutonomousTransferComplete.
        AutonomousTransferComplete = "AutonomousTransferComplete", since 1 (transfer: AutonomousTransferComplete);
        /// DUStateChangeComplete.
        DuStateChangeComplete = "DUStateChangeComplete", since 2 {
            /// What became of each operation.
            results: Vec<OperationResult> = "Results" Many<OperationResult>,
            /// CommandKey of the ChangeDUState.
            command_key: String = "CommandKey" OrEmpty<KEY>,
        };
        /// AutonomousDUStateChangeComplete.
        AutonomousDuStateChangeComplete = "AutonomousDUStateChangeComplete", since 2 {
            /// What was done, and what became of it.
            results: Vec<AutonomousResult> = "Results" Many<AutonomousResult>,
        };
        /// RequestDownload.
        RequestDownload = "RequestDownload", since 0 {
            /// The type of the file that is wanted.
            file_type: String = "FileType" Numbered,
            /// What else is to be said of it.
            arguments: Vec<FileArgument> = "FileTypeArg" Array<FileArgument, 0, 16>,
        };
        /// Kicked, deprecated.
        Kicked = "Kicked", since 0 {
            /// Command.
            command: String = "Command" Text<32>,
            /// Referer.
            referer: String = "Referer" Text<64>,
            /// Arg.
            argument: String = "Arg" Text<256>,
            /// Next.
            next: String = "Next" Name<1024>,
        };
    }
}

messages! {
    /// The device's response to a request of the ACS.
    pub enum CpeResponse, suffix "Response" {
        /// GetRPCMethodsResponse.
        GetRpcMethods = "GetRPCMethods", since 0 {
            /// What the device supports.
            methods: Vec<String> = "MethodList" Strings<64>,
        };
        /// SetParameterValuesResponse.
        SetParameterValues = "SetParameterValues", since 0 {
            /// 0: applied; 1: committed, applied later.
            status: u32 = "Status" Number<0, 1>,
        };
        /// GetParameterValuesResponse.
        GetParameterValues = "GetParameterValues", since 0 {
            /// Names and values.
            values: Vec<(String, Value)> = "ParameterList" Array<(String, Value)>,
        };
        /// GetParameterNamesResponse.
        GetParameterNames = "GetParameterNames", since 0 {
            /// Names, and whether they are writable.
            names: Vec<(String, bool)> = "ParameterList" Array<(String, bool)>,
        };
        /// SetParameterAttributesResponse.
        SetParameterAttributes = "SetParameterAttributes", since 0;
        /// GetParameterAttributesResponse.
        GetParameterAttributes = "GetParameterAttributes", since 0 {
            /// Names, notifications and access lists.
            attributes: Vec<(String, u32, Vec<String>)> = "ParameterList" Array<(String, u32, Vec<String>)>,
        };
        /// AddObjectResponse.
        AddObject = "AddObject", since 0 {
            /// The number of the new row.
            number: u32 = "InstanceNumber" Number<1>,
            /// 0: applied; 1: committed, applied later.
            status: u32 = "Status" Number<0, 1>,
        };
        /// DeleteObjectResponse.
        DeleteObject = "DeleteObject", since 0 {
            /// 0: applied; 1: committed, applied later.
            status: u32 = "Status" Number<0, 1>,
        };
        /// RebootResponse.
        Reboot = "Reboot", since 0;
        /// FactoryResetResponse.
        FactoryReset = "FactoryReset", since 0;
        /// DownloadResponse.
        Download = "Download", since 0 (answer: TransferAnswer);
        /// UploadResponse.
        Upload = "Upload", since 0 (answer: TransferAnswer);
        /// ScheduleDownloadResponse.
        ScheduleDownload = "ScheduleDownload", since 2;
        /// ScheduleInformResponse.
        ScheduleInform = "ScheduleInform", since 0;
        /// CancelTransferResponse.
        CancelTransfer = "CancelTransfer", since 2;
        /// GetQueuedTransfersResponse, deprecated.
        GetQueuedTransfers = "GetQueuedTransfers", since 0 {
            /// The transfers that the ACS asked for.
            transfers: Vec<QueuedTransfer> = "TransferList" Array<QueuedTransfer, 0, 16>,
        };
        /// GetAllQueuedTransfersResponse.
        GetAllQueuedTransfers = "GetAllQueuedTransfers", since 1 {
            /// All transfers.
            transfers: Vec<AnyQueuedTransfer> = "TransferList" Array<AnyQueuedTransfer, 0, 16>,
        };
        /// ChangeDUStateResponse.
        ChangeDuState = "ChangeDUState", since 2;
        /// SetVouchersResponse, deprecated.
        SetVouchers = "SetVouchers", since 0;
        /// GetOptionsResponse, deprecated.
        GetOptions = "GetOptions", since 0 {
            /// The options.
            options: Vec<DeviceOption> = "OptionList" Array<DeviceOption>,
        };
    }
}
