//! The methods of CWMP as plain calls.

use cwmp_model::{Value, ValueType};
use cwmp_proto::acs::CpeFault;
use cwmp_proto::{
    AttributeChange, CpeResponse, Download, IncomingValue, Request, TransferAnswer, Upload, XsiType,
};

use super::Session;

impl Session {
    /// GetParameterValues.
    #[track_caller]
    pub fn get(&mut self, names: &[&str]) -> Result<Vec<(String, Value)>, CpeFault> {
        match self.call(&Request::GetParameterValues { names: owned(names) })? {
            CpeResponse::GetParameterValues { values } => Ok(values),
            _ => self.fail("that is no GetParameterValuesResponse"),
        }
    }

    /// The text of one parameter.
    #[track_caller]
    pub fn get_value(&mut self, name: &str) -> Result<String, CpeFault> {
        let values = self.get(&[name])?;
        match <[_; 1]>::try_from(values) {
            Ok([(found, value)]) if found == name => Ok(value.text),
            _ => self.fail(&format!("the answer is not the one value of {name}")),
        }
    }

    /// GetParameterNames.
    #[track_caller]
    pub fn names(&mut self, path: &str, next_level: bool) -> Result<Vec<(String, bool)>, CpeFault> {
        match self.call(&Request::GetParameterNames { path: path.to_owned(), next_level })? {
            CpeResponse::GetParameterNames { names } => Ok(names),
            _ => self.fail("that is no GetParameterNamesResponse"),
        }
    }

    /// SetParameterValues; answers the status.
    #[track_caller]
    pub fn set(&mut self, values: &[(&str, ValueType, &str)], parameter_key: &str) -> Result<u32, CpeFault> {
        let values = values
            .iter()
            .map(|(name, kind, text)| IncomingValue {
                name: (*name).to_owned(),
                xsi_type: XsiType::Known(*kind),
                text: (*text).to_owned(),
            })
            .collect();
        match self.call(&Request::SetParameterValues { values, parameter_key: parameter_key.to_owned() })? {
            CpeResponse::SetParameterValues { status } => Ok(status),
            _ => self.fail("that is no SetParameterValuesResponse"),
        }
    }

    /// AddObject; answers the number of the row and the status.
    #[track_caller]
    pub fn add(&mut self, table: &str, parameter_key: &str) -> Result<(u32, u32), CpeFault> {
        let request =
            Request::AddObject { object: table.to_owned(), parameter_key: parameter_key.to_owned() };
        match self.call(&request)? {
            CpeResponse::AddObject { number, status } => Ok((number, status)),
            _ => self.fail("that is no AddObjectResponse"),
        }
    }

    /// DeleteObject; answers the status.
    #[track_caller]
    pub fn delete(&mut self, row: &str, parameter_key: &str) -> Result<u32, CpeFault> {
        let request =
            Request::DeleteObject { object: row.to_owned(), parameter_key: parameter_key.to_owned() };
        match self.call(&request)? {
            CpeResponse::DeleteObject { status } => Ok(status),
            _ => self.fail("that is no DeleteObjectResponse"),
        }
    }

    /// GetParameterAttributes; answers names, notifications and access lists.
    #[track_caller]
    pub fn attributes(&mut self, names: &[&str]) -> Result<Vec<(String, u32, Vec<String>)>, CpeFault> {
        match self.call(&Request::GetParameterAttributes { names: owned(names) })? {
            CpeResponse::GetParameterAttributes { attributes } => Ok(attributes),
            _ => self.fail("that is no GetParameterAttributesResponse"),
        }
    }

    /// SetParameterAttributes.
    #[track_caller]
    pub fn set_attributes(&mut self, changes: &[AttributeChange]) -> Result<(), CpeFault> {
        self.call(&Request::SetParameterAttributes { changes: changes.to_vec() }).map(|_| ())
    }

    /// SetParameterAttributes that sets notifications only.
    #[track_caller]
    pub fn set_notifications(&mut self, changes: &[(&str, u32)]) -> Result<(), CpeFault> {
        let changes: Vec<_> = changes
            .iter()
            .map(|(name, level)| AttributeChange {
                name: (*name).to_owned(),
                notification: Some(*level),
                access_list: None,
            })
            .collect();
        self.set_attributes(&changes)
    }

    /// GetRPCMethods.
    #[track_caller]
    pub fn methods(&mut self) -> Result<Vec<String>, CpeFault> {
        match self.call(&Request::GetRpcMethods)? {
            CpeResponse::GetRpcMethods { methods } => Ok(methods),
            _ => self.fail("that is no GetRPCMethodsResponse"),
        }
    }

    /// Reboot.
    #[track_caller]
    pub fn reboot(&mut self, command_key: &str) -> Result<(), CpeFault> {
        self.call(&Request::Reboot { command_key: command_key.to_owned() }).map(|_| ())
    }

    /// FactoryReset.
    #[track_caller]
    pub fn factory_reset(&mut self) -> Result<(), CpeFault> {
        self.call(&Request::FactoryReset).map(|_| ())
    }

    /// Download.
    #[track_caller]
    pub fn download(&mut self, download: &Download) -> Result<TransferAnswer, CpeFault> {
        match self.call(&Request::Download(download.clone()))? {
            CpeResponse::Download(answer) => Ok(answer),
            _ => self.fail("that is no DownloadResponse"),
        }
    }

    /// Download of a file that needs no password, at once.
    #[track_caller]
    pub fn download_file(
        &mut self,
        file_type: &str,
        url: &str,
        command_key: &str,
    ) -> Result<TransferAnswer, CpeFault> {
        self.download(&Download {
            command_key: command_key.to_owned(),
            file_type: file_type.to_owned(),
            url: url.to_owned(),
            username: String::new(),
            password: String::new(),
            file_size: 0,
            target_file_name: String::new(),
            delay: 0,
            success_url: String::new(),
            failure_url: String::new(),
        })
    }

    /// Upload.
    #[track_caller]
    pub fn upload(&mut self, upload: &Upload) -> Result<TransferAnswer, CpeFault> {
        match self.call(&Request::Upload(upload.clone()))? {
            CpeResponse::Upload(answer) => Ok(answer),
            _ => self.fail("that is no UploadResponse"),
        }
    }

    /// ScheduleInform.
    #[track_caller]
    pub fn schedule_inform(&mut self, delay: u32, command_key: &str) -> Result<(), CpeFault> {
        let command_key = command_key.to_owned();
        self.call(&Request::ScheduleInform { delay, command_key }).map(|_| ())
    }
}

fn owned(names: &[&str]) -> Vec<String> {
    names.iter().map(|n| (*n).to_owned()).collect()
}
